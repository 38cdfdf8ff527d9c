// SPDX-License-Identifier: Apache-2.0
#include "engine/watermark.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace microtome::engine {
namespace {

// splitmix64: every bit of the seed changes every bit of the answer.
std::uint64_t next(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

double share(std::uint64_t& state) {
  return static_cast<double>(next(state) >> 11) / 9007199254740992.0;  // 2^53
}

int place(int room, std::uint64_t& state) {
  return room > 0 ? static_cast<int>(share(state) * (room + 1)) : 0;
}

}  // namespace

void stamp(pixel::Image& image, const Watermark& watermark, std::uint64_t seed) {
  std::uint64_t state = seed;
  const pixel::Image& mark = watermark.image;
  if (image.sample != pixel::Sample::u8 || mark.channels != 4 || share(state) >= watermark.probability) {
    return;
  }
  const int left = place(image.width - mark.width, state);
  const int top = place(image.height - mark.height, state);
  const int width = std::min(mark.width, image.width);
  const int height = std::min(mark.height, image.height);
  const bool colour = image.channels >= 3;
  const int colours = colour ? 3 : 1;
  const bool alpha = image.colour == pixel::Colour::rgba || image.colour == pixel::Colour::grey_alpha;
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* from = mark.row(y);
    std::uint8_t* to = image.row(top + y) + static_cast<std::ptrdiff_t>(left) * image.channels;
    for (int x = 0; x < width; ++x, from += 4, to += image.channels) {
      const double cover = from[3] / 255.0 * watermark.opacity;
      const double grey = 0.299 * from[0] + 0.587 * from[1] + 0.114 * from[2];
      for (int c = 0; c < colours; ++c) {
        const double value = colour ? from[c] : grey;
        to[c] = static_cast<std::uint8_t>(std::lround(to[c] + (value - to[c]) * cover));
      }
      if (alpha) {
        std::uint8_t& opaque = to[image.channels - 1];
        opaque = static_cast<std::uint8_t>(std::lround(opaque + (255 - opaque) * cover));
      }
    }
  }
}

}  // namespace microtome::engine
