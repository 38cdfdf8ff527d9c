// SPDX-License-Identifier: Apache-2.0
#include "protocol/public_base.hpp"

#include "http/text.hpp"

namespace microtome::protocol {

std::string public_base(std::string_view public_url, const http::Request& request) {
  if (!public_url.empty()) {
    while (public_url.ends_with('/')) {
      public_url.remove_suffix(1);
    }
    return std::string(public_url);
  }
  std::string base = request.scheme.empty() ? "http" : request.scheme;
  base += "://";
  base += request.authority.empty() ? "localhost" : request.authority;
  base += safe_path(request.mount);
  return base;
}

std::string safe_path(std::string_view raw) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  result.reserve(raw.size());
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (http::is_alpha(c) || http::is_digit(c) || std::string_view("-._~!$&'()*+,;=:@/%").contains(c)) {
      result += c;
    } else {
      result += '%';
      result += kHex[byte >> 4];
      result += kHex[byte & 15];
    }
  }
  return result;
}

}  // namespace microtome::protocol
