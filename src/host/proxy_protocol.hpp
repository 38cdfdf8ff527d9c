// SPDX-License-Identifier: Apache-2.0
// The header of HAProxy's PROXY protocol, version 1 (a line) and 2 (binary), with which a proxy tells on behalf of
// whom it has connected. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace microtome::host {

struct ProxyHeader {
  std::size_t size = 0;  // bytes it takes; the client's own follow
  // Empty where the proxy speaks for itself (its health checks), or for somebody without an IP address.
  std::string address;  // "192.0.2.1", "2001:db8::1"; IPv4 in IPv6 clothes shows as IPv4
  int port = 0;
  bool secure = false;  // the client has reached the proxy by TLS
};

// What a connection begins with. Nullopt: more bytes must come. Code::bad_request when it is no such header, or has
// more than kMostProxyHeader bytes.
constexpr std::size_t kMostProxyHeader = 4096;
[[nodiscard]] Result<std::optional<ProxyHeader>> read_proxy_header(std::string_view bytes);

}  // namespace microtome::host
