// SPDX-License-Identifier: Apache-2.0
// Affine warp: turns, shears and scales a picture, bilinear. Pure and thread-safe.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::pixel {

// source_x = a * x + b * y + c, source_y = d * x + e * y + f. Both sides in continuous pixel coordinates: the centre
// of the first pixel is (0.5, 0.5).
struct Affine {
  double a = 1;
  double b = 0;
  double c = 0;
  double d = 0;
  double e = 1;
  double f = 0;
};

// The map that takes `first` and then `second`.
Affine after(const Affine& first, const Affine& second);

// The reverse map; bad_request when it has none.
Result<Affine> inverse(const Affine& map);

// A picture of width x height whose pixel (x, y) shows source point to_source(x, y). Outside the source lies
// `background` (one value a channel); the rim fades into it over one pixel. u8, 1..4 channels; others unsupported.
// It samples four pixels: where the map shrinks by more than 2, take a coarser level or scale() first.
Result<Image> warp_affine(const Image& source, const Affine& to_source, int width, int height,
                          const std::array<std::uint8_t, 4>& background = {255, 255, 255, 255});

}  // namespace microtome::pixel
