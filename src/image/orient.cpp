// SPDX-License-Identifier: Apache-2.0
#include "image/orient.hpp"

#include <cstring>

namespace microtome::image {

pixel::Image orient(pixel::Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) {
    return image;
  }
  const bool swap = swaps_sides(orientation);
  pixel::Image turned = pixel::Image::make(swap ? image.height : image.width, swap ? image.width : image.height,
                                           image.channels, image.colour, image.sample);
  const std::size_t size = static_cast<std::size_t>(image.channels) * pixel::bytes_of(image.sample);
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  for (int y = 0; y < turned.height; ++y) {
    std::uint8_t* out = turned.row(y);
    for (int x = 0; x < turned.width; ++x, out += size) {
      const int column = swap ? y : x;
      const int row = swap ? x : y;
      std::memcpy(out,
                  image.row(from_bottom ? image.height - 1 - row : row) +
                      static_cast<std::size_t>(from_right ? image.width - 1 - column : column) * size,
                  size);
    }
  }
  return turned;
}

}  // namespace microtome::image
