// SPDX-License-Identifier: Apache-2.0
// The public address of a request: what proxies in front say of it, and the mount. Pure; thread-safe.
//
// Read from trusted peers only, the first that is present and valid of each row:
//   scheme, host  Forwarded (RFC 7239), X-Forwarded-Proto, X-Forwarded-Host
//   prefix        X-Forwarded-Prefix, X-Forwarded-Path, X-Script-Name, X-Forwarded-Context, X-ProxyContextPath,
//                 X-Ingress-Path; or what remains of X-Original-URI, X-Original-URL, X-Rewrite-URL,
//                 X-Envoy-Original-Path, X-Replaced-Path, X-Forwarded-Uri when our path is taken off its end
//   client        Forwarded, X-Forwarded-For: from the right, the first address that is not trusted
#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"
#include "net/address_set.hpp"

namespace microtome::net {

// Fills in scheme, authority, mount and remote_address, and takes prefix and mount off the path where they are
// present. The transport has set path, headers, scheme, authority and remote_address from the connection itself.
void apply_public_address(http::Request& request, bool trusted_peer, const AddressSet& trusted,
                          std::string_view mount);

// "/a/b" for "/a/b/" and "a/b"; empty when `text` is no path prefix: only [A-Za-z0-9._~/%-], no "//", no "..".
[[nodiscard]] std::string clean_prefix(std::string_view text);

// host [":" port] without user information, as Host may hold it.
[[nodiscard]] bool valid_authority(std::string_view text);

}  // namespace microtome::net
