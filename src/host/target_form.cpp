// SPDX-License-Identifier: Apache-2.0
#include "host/target_form.hpp"

#include <cstddef>

#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::host {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";

int value_of(char digit) {
  const auto at = kDigits.find(http::to_upper(digit));
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool is_unreserved(char c) {
  return http::is_alpha(c) || http::is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void escape(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

}  // namespace

std::string plain_target(std::string_view target) {
  std::string out;
  out.reserve(target.size());
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    const bool escaped =
        c == '%' && i + 2 < target.size() && value_of(target[i + 1]) >= 0 && value_of(target[i + 2]) >= 0;
    if (escaped) {
      const char plain = static_cast<char>((value_of(target[i + 1]) << 4) | value_of(target[i + 2]));
      is_unreserved(plain) ? void(out += plain) : escape(out, plain);
      i += 2;
    } else if (c > 0x20 && c < 0x7f && std::string_view("%\"<>\\^`{|}").find(c) == std::string_view::npos) {
      out += c;
    } else {
      escape(out, c);
    }
  }
  return out;
}

bool has_dot_segment(std::string_view target) {
  const auto decoded = http::percent_decode_lenient(target.substr(0, target.find('?')));
  if (!decoded) {
    return true;
  }
  for (const std::string_view segment : http::split_path(*decoded)) {
    if (segment == "." || segment == "..") {
      return true;
    }
  }
  return false;
}

}  // namespace microtome::host
