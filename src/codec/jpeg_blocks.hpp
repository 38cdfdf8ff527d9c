// SPDX-License-Identifier: Apache-2.0
// Inside of codec: the entropy-coded blocks of a sequential JPEG scan to coefficients. Pure; thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "codec/huffman.hpp"

namespace microtome::codec {

inline constexpr unsigned kBlockCoefficients = 64;
// Two runs may lead this far beyond a block.
inline constexpr std::size_t kBlockPlaces = kBlockCoefficients + 16 + HuffmanTable::kEndRun;

// One component of the scan: what its blocks are decoded with, and where they go.
struct BlockComponent {
  std::shared_ptr<const HuffmanTable> dc;
  std::shared_ptr<const HuffmanTable> ac;
  std::int32_t last = 0;   // DC of the block before
  std::size_t across = 1;  // blocks of an MCU
  std::size_t down = 1;
  std::int16_t* coefficients = nullptr;  // of a row of MCUs, zero
  std::size_t row_step = 0;              // between its rows of blocks
};

// Where coefficient k of a block goes, for blocks in groups of idct_group() (see idct.hpp).
[[nodiscard]] std::array<std::uint16_t, kBlockPlaces> block_places();

// MCUs `first` to `first + count` of a row. False for a code that is none, and when `end` is passed.
bool decode_mcus(BitReader& in, std::span<BlockComponent> components, std::span<const std::uint16_t> places,
                 std::size_t first, std::size_t count, const std::uint8_t* end);

}  // namespace microtome::codec
