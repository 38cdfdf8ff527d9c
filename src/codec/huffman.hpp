// SPDX-License-Identifier: Apache-2.0
// Inside of codec: the Huffman codes of sequential JPEG (ITU-T T.81 annexes C and F), decoded several symbols at a
// time from a 64-bit window. Pure; thread-safe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/bytes.hpp"

namespace microtome::codec {

// Bits, first the most significant, of bytes without stuffing, behind which at least kBeyond more can be read. Small,
// to be copied into registers.
struct BitReader {
  static constexpr std::size_t kBeyond = 4096;  // more than an MCU takes: whether it ended is asked after each

  const std::uint8_t* at = nullptr;
  std::uint64_t window = 0;  // bits beyond the count may already be there: refill() adds the same ones again
  std::uint64_t count = 0;

  // At least 56 bits are there afterwards.
  void refill() {
    std::uint64_t next = 0;
    std::memcpy(&next, at, sizeof(next));
    if constexpr (std::endian::native == std::endian::little) {
      next = __builtin_bswap64(next);
    }
    window |= next >> count;
    at += (63 - count) >> 3;
    count |= 56;
  }
  [[nodiscard]] std::uint64_t peek(unsigned bits) const { return window >> (64 - bits); }
  void skip(std::uint64_t bits) {
    window <<= bits;
    count -= bits;
  }
  // The first byte of which no bit was read.
  [[nodiscard]] const std::uint8_t* position() const { return at - (count >> 3); }
};

// A table whose symbols are sizes of numbers after a run of zeros.
class HuffmanTable {
 public:
  enum class Kind : std::uint8_t { dc, ac };

  static constexpr unsigned kLook = 10;        // bits looked at
  static constexpr unsigned kMostAcSize = 10;  // bits of a number, as samples of 8 bits have them (T.81 table F.2)
  static constexpr unsigned kEndRun = 96;      // run of "end of block": beyond any block and other run

  // A code and what it says: bits 0-7: bits of both the code and the number behind it, 0 where there is no such code;
  // 8-15: run; 16-23: bits of the number; 24-31: bits of the code.
  using Entry = std::uint32_t;

  // `body`: 16 counts and the symbols, as in DHT. Nothing when it is no table, or has larger numbers.
  static std::optional<HuffmanTable> make(ByteView body, Kind kind);

  // By the next kLook bits; 0 where they are not enough, or no code.
  [[nodiscard]] const Entry* entries() const { return entries_.data(); }
  // As entries(), and the number after the first where that is whole in the same bits. Bits 0-31: as an Entry, but
  // 0-7 count the bits of both; 32-39: run of the second + 1, 0 without one; 48-63: its value. Only of Kind::ac.
  using Pair = std::uint64_t;
  [[nodiscard]] const Pair* pairs() const { return pairs_.data(); }
  // Of a longer code; with its number up to 31 bits of `window`, of Kind::ac up to 26: two fit after one refill().
  [[nodiscard]] Entry longer(std::uint64_t window) const;

  // The number behind the code of `entry` (T.81 F.2.2.1: EXTEND).
  static std::int32_t number(Entry entry, std::uint64_t window) {
    // Numbers below zero are the complement of what stands there: complemented, they are as those above.
    const auto size = static_cast<unsigned>(entry >> 16) & 0xFF;
    const std::uint64_t bits = window << (entry >> 24);
    const auto negative = static_cast<std::uint64_t>(static_cast<std::int64_t>(~bits) >> 63);  // all ones, or none
    const std::uint64_t above = (bits ^ negative) >> 1 >> (63 - size);
    return static_cast<std::int32_t>((above ^ negative) - negative);
  }

 private:
  void make_pairs();

  std::array<Entry, 1U << kLook> entries_{};
  std::array<Pair, 1U << kLook> pairs_{};
  std::array<std::uint32_t, 17> end_{};    // by length: behind the last code, its bits from bit 15 down
  std::array<std::int32_t, 17> offset_{};  // from a code to its symbol
  std::array<std::uint8_t, 256> symbols_{};
  Kind kind_ = Kind::dc;
};

}  // namespace microtome::codec
