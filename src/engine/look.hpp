// SPDX-License-Identifier: Apache-2.0
// Look: mirrored, turned, without colour. Pure; thread-safe.
#pragma once

#include <cstdint>

#include "engine/engine.hpp"
#include "pixel/convert.hpp"
#include "pixel/image.hpp"

namespace microtome::engine {

// Size of a picture once it is turned: the smallest whole rectangle around it.
struct TurnedSize {
  int width = 0;
  int height = 0;
};
[[nodiscard]] TurnedSize turned_size(int width, int height, double rotation);

// `image` as the look says: u8, grey or rgb, perhaps with alpha (what for_display gives). What lies beside a picture
// that is turned by no quarter is transparent with `keep_alpha`, else black; `background` lies behind alpha.
[[nodiscard]] Result<pixel::Image> apply_look(pixel::Image image, const Look& look, pixel::Rgb8 background,
                                              bool keep_alpha);

}  // namespace microtome::engine
