// SPDX-License-Identifier: Apache-2.0
// Hash: 64-bit fingerprint of a sequence of values (FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/, with a final
// mix). Tells states apart, keeps no secrets. Strings are hashed with their length, so that "ab","c" is not "a","bc".
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace microtome::set {

class Hash {
 public:
  Hash& add(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) {
      byte(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    return *this;
  }
  Hash& add(std::int64_t value) { return add(static_cast<std::uint64_t>(value)); }
  Hash& add(double value) { return add(std::bit_cast<std::uint64_t>(value)); }
  Hash& add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    for (const char c : text) {
      byte(static_cast<std::uint8_t>(c));
    }
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 33)) * 0xff51afd7ed558ccdULL;
    mixed = (mixed ^ (mixed >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return mixed ^ (mixed >> 33);
  }

 private:
  void byte(std::uint8_t value) { state_ = (state_ ^ value) * 0x100000001b3ULL; }
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

}  // namespace microtome::set
