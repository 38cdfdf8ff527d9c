// SPDX-License-Identifier: Apache-2.0
// Inside of codec: the order of a block's coefficients in a JPEG stream (ITU-T T.81 figure 5).
#pragma once

#include <array>
#include <cstdint>

namespace microtome::codec {

// Of coefficient k: 8 * row + column.
inline constexpr std::array<std::uint8_t, 64> kZigzag = [] {
  std::array<std::uint8_t, 64> places{};
  int x = 0;
  int y = 0;
  for (std::uint8_t& place : places) {
    place = static_cast<std::uint8_t>(y * 8 + x);
    const bool up = (x + y) % 2 == 0;
    const bool turn = up ? x == 7 || y == 0 : y == 7 || x == 0;
    if (!turn) {
      x += up ? 1 : -1;
      y += up ? -1 : 1;
    } else if (up ? x == 7 : y != 7) {
      ++y;
    } else {
      ++x;
    }
  }
  return places;
}();

}  // namespace microtome::codec
