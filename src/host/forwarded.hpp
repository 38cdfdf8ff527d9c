// SPDX-License-Identifier: Apache-2.0
// The Forwarded field (RFC 7239) of proxies. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace microtome::host {

// One proxy's element, in the order they passed the request on.
struct ForwardedHop {
  std::string client;  // for: an address without port and brackets; "" when it is hidden ("_x", "unknown")
  std::string proto;
  std::string host;
  std::string user;  // remote_user, as lighttpd writes it
};
// Nullopt when it is malformed anywhere.
[[nodiscard]] std::optional<std::vector<ForwardedHop>> read_forwarded(std::string_view field);

}  // namespace microtome::host
