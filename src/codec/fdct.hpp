// SPDX-License-Identifier: Apache-2.0
// The forward DCT of JPEG (ITU-T T.81 A.3.3) and its quantisation, with the same results to the bit as libjpeg: its
// accurate transform is that of Loeffler, Ligtenberg and Moschytz in integers, its fast one that of Arai, Agui and
// Nakajima ("A fast DCT-SQ scheme for images", 1988) with factors of 8 bits, coarse where little is quantised away.
// Pure; thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microtome::codec {

// How many blocks the machine's vectors hold side by side: 1, 2 or 4.
[[nodiscard]] int fdct_group();

enum class Dct : std::uint8_t { accurate, fast };

// Divides coefficients by their steps, to the nearest, halves away from zero. They come out of a transform larger
// than they are, which is part of the divisor. n / d is (n + add) * factor >> 16, times scale >> 16: Robison, "N-bit
// unsigned division via N-bit multiply-add" (2005).
struct Quantiser {
  // Row by row, each 1 to 255; of Dct::fast, such that no divisor is below kLeast.
  Quantiser(std::span<const std::uint16_t, 64> steps, Dct dct);

  static constexpr unsigned kLeast = 3;
  // Of a step at row 8 * row + column.
  [[nodiscard]] static unsigned divisor(unsigned step, std::size_t place, Dct dct);

  Dct dct;
  alignas(16) std::array<std::uint16_t, 64> add;
  alignas(16) std::array<std::uint16_t, 64> factor;
  alignas(16) std::array<std::uint16_t, 64> scale;
};

// `groups` groups of blocks side by side, of the samples from each of `rows` on, 8 * fdct_group() * groups in each,
// to quantised coefficients in zigzag order. A group is 64 * fdct_group() of them: the first eight of each of its
// blocks, then the next eight of each, and so on. Bit k of nonzero[i] tells whether coefficient k of block i is not
// 0.
void fdct_rows(const std::array<const std::uint8_t*, 8>& rows, std::size_t groups, const Quantiser& quantiser,
               std::int16_t* coefficients, std::uint64_t* nonzero);

}  // namespace microtome::codec
