// SPDX-License-Identifier: Apache-2.0
// IP addresses and networks as conditions and trust lists name them. Plain values; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace microtome::host {

// IPv4 is kept as ::ffff:a.b.c.d, so that both families compare alike.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const Address&, const Address&) = default;
};

// "127.0.0.1", "::1", "[::1]". No names, no ports.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

struct Network {
  Address address;
  int bits = 128;  // leading bits that count, of 128
  [[nodiscard]] bool contains(const Address& other) const;
};

// "10.0.0.0/8", "2001:db8::/32" or one address.
[[nodiscard]] std::optional<Network> parse_network(std::string_view text);

}  // namespace microtome::host
