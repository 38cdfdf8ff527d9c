// SPDX-License-Identifier: Apache-2.0
#include "net/fcgi_request.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "http/text.hpp"
#include "http/uri.hpp"
#include "net/fcgi_records.hpp"
#include "net/forwarding.hpp"

namespace microtome::net {
namespace {

constexpr std::size_t kMaxPairs = 4096;
constexpr std::size_t kMaxHeaders = 500;

// What we read of the parameters; views into the stream.
struct Known {
  std::string_view method = "GET", script_name, path_info, request_uri, query, host, server_name, server_port;
  std::string_view scheme, https, remote, root, content_type, content_length;
  bool has_query = false;
};

using Field = std::pair<std::string_view, std::string_view Known::*>;
constexpr Field kFields[] = {
    {"REQUEST_METHOD", &Known::method},
    {"SCRIPT_NAME", &Known::script_name},
    {"PATH_INFO", &Known::path_info},
    {"REQUEST_URI", &Known::request_uri},
    {"QUERY_STRING", &Known::query},
    {"SERVER_NAME", &Known::server_name},
    {"SERVER_PORT", &Known::server_port},
    {"REQUEST_SCHEME", &Known::scheme},
    {"HTTPS", &Known::https},
    {"REMOTE_ADDR", &Known::remote},
    {"DOCUMENT_ROOT", &Known::root},
    {"CONTENT_TYPE", &Known::content_type},
    {"CONTENT_LENGTH", &Known::content_length},
};

// "ACCEPT_ENCODING" to "Accept-Encoding".
std::string header_name(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  bool begins = true;
  for (const char c : name) {
    out.push_back(c == '_' ? '-' : begins ? http::to_upper(c) : http::to_lower(c));
    begins = c == '_' || c == '-';
  }
  return out;
}

std::string without_double_slashes(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) {
      out.push_back(c);
    }
  }
  return out;
}

// The path of REQUEST_URI, still encoded, if it means `decoded`.
std::optional<std::string> original_path(std::string_view uri, std::string_view decoded) {
  if (const std::size_t scheme = uri.find("://"); scheme != std::string_view::npos && scheme <= 5) {
    uri.remove_prefix(std::min(uri.find('/', scheme + 3), uri.size()));
  }
  auto path = http::normalise_path(http::split_target(uri).path);
  if (!path) {
    return std::nullopt;
  }
  const auto meant = http::percent_decode(*path);
  if (!meant || without_double_slashes(*meant) != without_double_slashes(decoded)) {
    return std::nullopt;
  }
  return std::move(*path);
}

Result<std::string> path_of(const Known& known) {
  std::string decoded(known.script_name);
  decoded += known.path_info;
  if (decoded.find('\0') != std::string::npos) {
    return fail(Code::bad_request, "NUL in the path");
  }
  if (decoded.empty() && known.request_uri.empty()) {
    return std::string("/");
  }
  if (decoded.empty()) {
    return http::normalise_path(http::split_target(known.request_uri).path);
  }
  if (decoded.front() != '/') {
    decoded.insert(decoded.begin(), '/');
  }
  if (auto original = original_path(known.request_uri, decoded)) {
    return std::move(*original);
  }
  return http::normalise_path(http::encode_path(decoded));
}

// Length of the front of `path` that ends with a segment "*.fcgi"; 0 when there is none.
std::size_t script_prefix(std::string_view path) {
  static constexpr std::string_view kSuffix = ".fcgi";
  const std::size_t found = path.find(kSuffix);
  if (found == std::string_view::npos) {
    return 0;
  }
  const std::size_t end = found + kSuffix.size();
  return end == path.size() || path[end] == '/' ? end : 0;
}

void set_address(http::Request& request, const Known& known) {
  const bool secure = http::equal_no_case(known.https, "on") || known.https == "1" ||
                      (known.https.empty() && http::equal_no_case(known.scheme, "https"));
  request.scheme = secure ? "https" : "http";
  request.remote_address = known.remote;
  if (valid_authority(known.host)) {
    request.authority = known.host;
  } else if (valid_authority(known.server_name)) {
    request.authority = known.server_name;
    const bool usual = known.server_port.empty() || known.server_port == (secure ? "443" : "80");
    if (!usual && http::parse_decimal(known.server_port)) {
      request.authority += ":" + std::string(known.server_port);
    }
  }
}

void set_mount(http::Request& request, const AddressSet& trusted, std::string_view mount) {
  std::string script;
  const bool below_mount = !mount.empty() && (http::strip_mount(request.path, mount).size() < request.path.size() ||
                                              request.path == mount);
  if (const std::size_t end = below_mount ? 0 : script_prefix(request.path); end > 0) {
    script = request.path.substr(0, end);
    request.path = end == request.path.size() ? "/" : request.path.substr(end);
  }
  apply_public_address(request, trusted.contains(request.remote_address), trusted, mount);
  if (mount.empty()) {
    request.mount += script;
  }
}

}  // namespace

Result<CgiRequest> read_cgi_request(ByteView params, std::string_view mount, const AddressSet& trusted) {
  Known known;
  CgiRequest result;
  http::Request& request = result.request;
  bool valid = true;
  std::size_t count = 0;
  const auto take = [&](std::string_view name, std::string_view value) {
    ++count;
    if (name.starts_with("HTTP_")) {
      // HTTP_PROXY is what "httpoxy" abuses; the other two exist without the prefix.
      if (name == "HTTP_PROXY" || name == "HTTP_CONTENT_LENGTH" || name == "HTTP_CONTENT_TYPE") {
        return true;
      }
      std::string header = header_name(name.substr(5));
      valid = valid && http::is_token(header) && http::is_field_value(value);
      if (name == "HTTP_HOST") {
        known.host = value;
      }
      if (request.headers.has(header)) {
        ++result.repeated;
        request.headers.set(std::move(header), std::string(value));
      } else if (request.headers.all().size() == kMaxHeaders) {
        count = kMaxPairs;
        return false;
      } else if (!value.empty()) {
        request.headers.add(std::move(header), std::string(value));
      }
      return true;
    }
    for (const auto& [field, member] : kFields) {
      if (name == field) {
        result.repeated += (known.*member).empty() || member == &Known::method ? 0 : 1;
        known.*member = value;
        known.has_query = known.has_query || field == "QUERY_STRING";
      }
    }
    return true;
  };
  if (!fcgi::read_pairs(params, take, kMaxPairs)) {
    return count >= kMaxPairs ? fail(Code::too_large, "too many parameters")
                              : fail(Code::bad_request, "malformed parameters");
  }
  if (!valid || !http::is_token(known.method) || !http::is_field_value(known.content_type) ||
      !http::is_field_value(known.query) || known.root.find('\0') != std::string_view::npos) {
    return fail(Code::bad_request, "malformed parameters");
  }
  if (!known.content_length.empty()) {
    result.content_length = http::parse_decimal(known.content_length);
    if (!result.content_length) {
      return fail(Code::bad_request, "bad CONTENT_LENGTH");
    }
  }
  auto path = path_of(known);
  if (!path) {
    return std::unexpected(std::move(path.error()));
  }
  request.method = known.method;
  request.path = std::move(*path);
  request.query = known.has_query ? known.query : http::split_target(known.request_uri).query;
  request.document_root = known.root;
  if (!known.content_type.empty()) {
    request.headers.add("Content-Type", std::string(known.content_type));
  }
  set_address(request, known);
  set_mount(request, trusted, mount);
  return result;
}

}  // namespace microtome::net
