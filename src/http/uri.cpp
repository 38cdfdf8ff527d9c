// SPDX-License-Identifier: Apache-2.0
#include "http/uri.hpp"

#include <algorithm>

#include "http/text.hpp"

namespace microtome::http {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

int hex_value(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  const char low = to_lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Value of the triplet at text[i] == '%', or -1.
int triplet(std::string_view text, std::size_t i) {
  if (i + 2 >= text.size()) {
    return -1;
  }
  const int high = hex_value(text[i + 1]);
  const int low = hex_value(text[i + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Result<std::string> decode(std::string_view text, Plus plus, bool lenient) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int value = triplet(text, i);
      if (value >= 0) {
        c = static_cast<char>(value);
        i += 2;
      } else if (!lenient) {
        return fail(Code::bad_request, "bad percent-encoding");
      }
    } else if (c == '+' && plus == Plus::space) {
      c = ' ';
    }
    if (c == '\0') {
      return fail(Code::bad_request, "NUL in the request");
    }
    out.push_back(c);
  }
  return out;
}

bool is_unreserved(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// How many dots the segment is made of when it is a dot segment (1 or 2), else 0.
int dot_segment(std::string_view segment) {
  int dots = 0;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '%') {
      if (triplet(segment, i) != '.') {
        return 0;
      }
      i += 2;
    } else if (segment[i] != '.') {
      return 0;
    }
    if (++dots > 2) {
      return 0;
    }
  }
  return dots;
}

// ".." in the fully decoded path would leave it.
bool climbs_out(std::string_view decoded) {
  int depth = 0;
  std::size_t begin = 0;
  while (begin <= decoded.size()) {
    const std::size_t end = std::min(decoded.find('/', begin), decoded.size());
    const std::string_view segment = decoded.substr(begin, end - begin);
    if (segment == "..") {
      if (--depth < 0) {
        return true;
      }
    } else if (!segment.empty() && segment != ".") {
      ++depth;
    }
    begin = end + 1;
  }
  return false;
}

bool plain(std::string_view path) {
  return path.find("/.") == std::string_view::npos && path.find('%') == std::string_view::npos;
}

Result<std::string> remove_dots(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  std::size_t begin = 1;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const bool last = end == path.size();
    const std::string_view segment = path.substr(begin, end - begin);
    const int dots = dot_segment(segment);
    if (dots == 2) {
      const std::size_t slash = out.rfind('/');
      if (slash == std::string::npos) {
        return fail(Code::bad_request, "path leaves the root");
      }
      out.resize(slash);
    } else if (dots == 0) {
      out.push_back('/');
      out.append(segment);
    }
    if (last && dots != 0) {
      out.push_back('/');
    }
    begin = end + 1;
  }
  return out;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, Plus plus) {
  return decode(text, plus, false);
}

Result<std::string> percent_decode_lenient(std::string_view text, Plus plus) {
  return decode(text, plus, true);
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    if (is_unreserved(c) || keep.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

std::string encode_path(std::string_view decoded) {
  return percent_encode(decoded, "/!$&'()*+,;=:@");
}

Target split_target(std::string_view target) {
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) {
    return {target, {}, false};
  }
  return {target.substr(0, mark), target.substr(mark + 1), true};
}

Result<std::string> normalise_path(std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return fail(Code::bad_request, "bad path");
  }
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '?' || c == '#') {
      return fail(Code::bad_request, "bad character in the path");
    }
  }
  if (plain(path)) {
    return std::string(path);
  }
  auto decoded = percent_decode(path);
  if (!decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  if (climbs_out(*decoded)) {
    return fail(Code::bad_request, "path leaves the root");
  }
  return remove_dots(path);
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    segments.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return segments;
}

std::string_view strip_mount(std::string_view path, std::string_view mount) {
  if (mount.empty() || !path.starts_with(mount)) {
    return path;
  }
  const std::string_view rest = path.substr(mount.size());
  if (rest.empty()) {
    return "/";
  }
  return rest.front() == '/' ? rest : path;
}

std::vector<QueryItem> split_query(std::string_view query) {
  std::vector<QueryItem> items;
  std::size_t begin = 0;
  while (begin <= query.size()) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    const std::string_view piece = query.substr(begin, end - begin);
    begin = end + 1;
    if (piece.empty()) {
      continue;
    }
    const std::size_t equals = piece.find('=');
    if (equals == std::string_view::npos) {
      items.push_back({piece, {}, false});
    } else {
      items.push_back({piece.substr(0, equals), piece.substr(equals + 1), true});
    }
  }
  return items;
}

}  // namespace microtome::http
