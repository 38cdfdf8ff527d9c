// SPDX-License-Identifier: Apache-2.0
// Inside of codec: quantised blocks to the entropy-coded bits of a sequential JPEG scan (ITU-T T.81 F.1.2). Pure;
// thread-safe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/bytes.hpp"

namespace microtome::codec {

// What stands behind the code of a number (T.81 F.1.2.1): `size` bits, those of the number or of one less than one
// below zero. The code tells the size.
struct CodedNumber {
  explicit CodedNumber(int number)
      : size(static_cast<unsigned>(std::bit_width(static_cast<unsigned>(std::abs(number))))),
        bits(static_cast<std::uint32_t>(number < 0 ? number - 1 : number) & ((1U << size) - 1)) {}
  unsigned size;
  std::uint32_t bits;
};

// The codes of a table, and those of small numbers with the numbers.
class HuffmanCodes {
 public:
  // `body`: 16 counts and the symbols, as in DHT, of a table that is one.
  explicit HuffmanCodes(ByteView body);

  // Bits 8-31: a code; 0-7: how many bits it has.
  using Code = std::uint32_t;
  // By run * 16 + size.
  [[nodiscard]] Code code(std::size_t symbol) const { return codes_[symbol]; }

  static constexpr int kNear = 32;
  // A number from -kNear to kNear - 1, but not 0, after `run` zeros, at most 15: the code, and the number behind it.
  [[nodiscard]] Code near(std::size_t run, int number) const {
    return near_[run * (2 * kNear) + static_cast<std::size_t>(number + kNear)];
  }

 private:
  std::array<Code, 256> codes_{};
  std::array<Code, std::size_t{16 * 2 * kNear}> near_{};
};

// Where bits go, first the most significant, without stuffing.
struct BitWriter {
  std::uint8_t* at = nullptr;
  std::uint64_t window = 0;  // those of the byte that is not full yet, from the highest bit on
  std::uint64_t count = 0;
};

// One component of a scan, and its blocks in a row of MCUs.
struct WrittenComponent {
  const HuffmanCodes* dc = nullptr;
  const HuffmanCodes* ac = nullptr;
  int last = 0;            // DC of the block before
  std::size_t across = 1;  // blocks of an MCU
  std::size_t down = 1;
  std::size_t width = 0;   // blocks of a row that hold some of the picture
  std::size_t height = 1;  // rows of blocks that do
  // As fdct_rows() leaves them, `row_step` blocks from one row of blocks to the next.
  const std::int16_t* coefficients = nullptr;
  const std::uint64_t* nonzero = nullptr;
  std::size_t row_step = 0;
};

inline constexpr std::size_t kMostBlockBytes = 232;  // that write_mcus() takes for a block, and behind the last one

// A row of `count` MCUs. `group`: fdct_group(). Blocks outside of the picture are as the one before, without detail.
void write_mcus(BitWriter& out, std::span<WrittenComponent> components, std::size_t count, std::size_t group);

}  // namespace microtome::codec
