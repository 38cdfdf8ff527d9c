// SPDX-License-Identifier: Apache-2.0
#include "host/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace microtome::host {

std::optional<Address> parse_address(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  Address address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
    return address;
  }
  in_addr four{};
  if (inet_pton(AF_INET, terminated.c_str(), &four) != 1) {
    return std::nullopt;
  }
  address.bytes[10] = address.bytes[11] = 0xff;
  const auto* from = reinterpret_cast<const std::uint8_t*>(&four);
  std::copy(from, from + 4, address.bytes.begin() + 12);
  return address;
}

bool Network::contains(const Address& other) const {
  const int whole = bits / 8;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, other.bytes.begin())) {
    return false;
  }
  const int rest = bits % 8;
  if (rest == 0) {
    return true;
  }
  const int mask = 0xff & (0xff << (8 - rest));
  const auto at = static_cast<std::size_t>(whole);
  return (address.bytes[at] & mask) == (other.bytes[at] & mask);
}

std::optional<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  const bool four = text.substr(0, slash).find(':') == std::string_view::npos;
  const int most = four ? 32 : 128;
  int bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (fault != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > most) {
      return std::nullopt;
    }
  }
  return Network{*address, four ? bits + 96 : bits};
}

}  // namespace microtome::host
