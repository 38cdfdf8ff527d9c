// SPDX-License-Identifier: Apache-2.0
// The inverse DCT of JPEG (ITU-T T.81 A.3.3) by the algorithm of Loeffler, Ligtenberg and Moschytz in integers, with
// the same results to the bit as libjpeg's accurate one. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace microtome::codec {

// How many blocks the machine's vectors hold side by side: 1, 2 or 4.
[[nodiscard]] int idct_group();

// `groups` groups of blocks, side by side in the picture, as 8 rows of samples. A group is 64 * idct_group()
// coefficients, which are multiplied by their `steps` (row by row; modulo 2^16, as broken streams may ask for): row 0
// of its blocks one after the other, then row 1, and so on. They are zero afterwards. `out` has 8 * idct_group() *
// groups samples in each of its 8 rows, `stride` bytes apart.
void idct_rows(std::int16_t* coefficients, std::size_t groups, std::span<const std::int16_t, 64> steps,
               std::uint8_t* out, std::size_t stride);

}  // namespace microtome::codec
