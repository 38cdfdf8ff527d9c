// SPDX-License-Identifier: Apache-2.0
// A picture that is put onto answers. Immutable; pure; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "pixel/image.hpp"

namespace microtome::engine {

struct Watermark {
  pixel::Image image;      // rgba, u8
  double opacity = 1;      // 0..1, times its alpha
  double probability = 1;  // share of answers that get it
  std::uint64_t id = 0;    // of all the above: for keys
};

// Puts it onto a u8 picture of any colour but for Lab and CMYK, at a place that follows from `seed`, so that the same
// answer always looks the same; a mark that is larger than the picture is cut. Whether at all follows from `seed`,
// too.
void stamp(pixel::Image& image, const Watermark& watermark, std::uint64_t seed);

}  // namespace microtome::engine
