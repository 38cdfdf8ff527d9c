// SPDX-License-Identifier: Apache-2.0
#include "net/address_set.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "http/text.hpp"

namespace microtome::net {
namespace {

using Address = std::array<std::uint8_t, 16>;

struct Parsed {
  Address address{};
  bool v4 = false;
};

std::optional<Parsed> parse_address(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) {
    return std::nullopt;
  }
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  std::ranges::copy(text, terminated.begin());
  Parsed parsed;
  if (inet_pton(AF_INET6, terminated.data(), parsed.address.data()) == 1) {
    return parsed;
  }
  in_addr v4{};
  if (inet_pton(AF_INET, terminated.data(), &v4) != 1) {
    return std::nullopt;
  }
  parsed.v4 = true;
  parsed.address[10] = parsed.address[11] = 0xff;
  std::memcpy(parsed.address.data() + 12, &v4, sizeof v4);
  return parsed;
}

bool same_prefix(const Address& a, const Address& b, int bits) {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) {
    return false;
  }
  const int rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

Result<AddressSet> AddressSet::parse(const std::vector<std::string>& members) {
  AddressSet set;
  for (const std::string& member : members) {
    if (member == "unix") {
      set.unix_ = true;
      continue;
    }
    const std::string_view text = member;
    const std::size_t slash = text.find('/');
    const auto parsed = parse_address(text.substr(0, slash));
    int bits = 128;
    bool valid = parsed.has_value();
    if (valid && slash != std::string_view::npos) {
      const auto number = http::parse_decimal(text.substr(slash + 1));
      valid = number && *number <= (parsed->v4 ? 32U : 128U);
      bits = valid ? static_cast<int>(*number) + (parsed->v4 ? 96 : 0) : 0;
    }
    if (!valid) {
      return fail(Code::bad_request, "not an address or network: " + member);
    }
    set.networks_.push_back({parsed->address, bits});
  }
  return set;
}

Result<AddressSet> AddressSet::parse(std::string_view list) {
  std::vector<std::string> members;
  for (const std::string_view member : http::split_list(list)) {
    members.emplace_back(member);
  }
  return parse(members);
}

bool AddressSet::contains(std::string_view address) const {
  if (networks_.empty()) {
    return false;
  }
  const auto parsed = parse_address(address);
  return parsed && std::ranges::any_of(networks_, [&](const Network& network) {
           return same_prefix(network.address, parsed->address, network.bits);
         });
}

bool is_address(std::string_view text) {
  return parse_address(text).has_value();
}

}  // namespace microtome::net
