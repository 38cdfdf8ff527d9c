// SPDX-License-Identifier: Apache-2.0
// The forward DCT of JPEG (ITU-T T.81 A.3.3) by the algorithm of Loeffler, Ligtenberg and Moschytz in integers, and
// its quantisation, with the same results to the bit as libjpeg's accurate one. Pure; thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microtome::codec {

// How many blocks the machine's vectors hold side by side: 1, 2 or 4.
[[nodiscard]] int fdct_group();

// Divides coefficients, which come out of the transform eight times as large, by their steps, to the nearest, halves
// away from zero. n / d is (n + add) * factor >> 16, times scale >> 16: Robison, "N-bit unsigned division via N-bit
// multiply-add" (2005).
struct Quantiser {
  explicit Quantiser(std::span<const std::uint16_t, 64> steps);  // row by row, each 1 to 255

  alignas(16) std::array<std::uint16_t, 64> add;
  alignas(16) std::array<std::uint16_t, 64> factor;
  alignas(16) std::array<std::uint16_t, 64> scale;
};

// `groups` groups of blocks side by side, of the samples from each of `rows` on, 8 * fdct_group() * groups in each, to
// quantised coefficients in zigzag order. A group is 64 * fdct_group() of them: the first eight of each of its blocks,
// then the next eight of each, and so on. Bit k of nonzero[i] tells whether coefficient k of block i is not 0.
void fdct_rows(const std::array<const std::uint8_t*, 8>& rows, std::size_t groups, const Quantiser& quantiser,
               std::int16_t* coefficients, std::uint64_t* nonzero);

}  // namespace microtome::codec
