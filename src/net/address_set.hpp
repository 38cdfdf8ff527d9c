// SPDX-License-Identifier: Apache-2.0
// AddressSet: IPv4 and IPv6 addresses and networks ("10.0.0.0/8", "::1", "unix"). Immutable; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace microtome::net {

class AddressSet {
 public:
  AddressSet() = default;
  // Code::bad_request for a member that is neither an address, a network nor "unix".
  static Result<AddressSet> parse(const std::vector<std::string>& members);
  // Commas between the members, as in FCGI_WEB_SERVER_ADDRS.
  static Result<AddressSet> parse(std::string_view list);

  // `address` is textual; an IPv4 address in IPv6 clothes (::ffff:1.2.3.4) counts as IPv4.
  [[nodiscard]] bool contains(std::string_view address) const;
  [[nodiscard]] bool contains_unix() const { return unix_; }
  [[nodiscard]] bool empty() const { return networks_.empty() && !unix_; }

 private:
  struct Network {
    std::array<std::uint8_t, 16> address{};  // IPv4 mapped to IPv6
    int bits = 128;
  };
  std::vector<Network> networks_;
  bool unix_ = false;
};

// True for a textual IPv4 or IPv6 address (without port, brackets or zone).
[[nodiscard]] bool is_address(std::string_view text);

}  // namespace microtome::net
