// SPDX-License-Identifier: Apache-2.0
// Turns a picture the way its EXIF orientation says. Pure; thread-safe.
#pragma once

#include "pixel/image.hpp"

namespace microtome::image {

// True when width and height change places.
[[nodiscard]] constexpr bool swaps_sides(int orientation) {
  return orientation >= 5 && orientation <= 8;
}

// `orientation`: 1..8 as in EXIF and TIFF: where the stored first row and column belong. 1 returns the picture.
[[nodiscard]] pixel::Image orient(pixel::Image image, int orientation);

}  // namespace microtome::image
