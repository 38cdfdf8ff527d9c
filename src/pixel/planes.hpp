// SPDX-License-Identifier: Apache-2.0
// Planes: YCbCr of 8 bits (full range, as in JPEG) with colour at its own, usually half, resolution. A picture that
// comes out of one JPEG and goes into another one is scaled like this: colour is neither enlarged nor converted.
#pragma once

#include <array>

#include "pixel/image.hpp"

namespace microtome::pixel {

struct Planes {
  std::array<Image, 3> plane;  // Y, Cb, Cr: each grey u8; Cb and Cr of ceil(Y / across) x ceil(Y / down)
  int across = 1;              // pixels of Y to one of Cb and Cr: 1 or 2
  int down = 1;

  // Holds anything.
  static Planes make(int width, int height, int across, int down) {
    const int colour_width = (width + across - 1) / across;
    const int colour_height = (height + down - 1) / down;
    return {{Image::unfilled(width, height, 1, Colour::grey),
             Image::unfilled(colour_width, colour_height, 1, Colour::grey),
             Image::unfilled(colour_width, colour_height, 1, Colour::grey)},
            across,
            down};
  }
  [[nodiscard]] int width() const { return plane[0].width; }
  [[nodiscard]] int height() const { return plane[0].height; }
};

}  // namespace microtome::pixel
