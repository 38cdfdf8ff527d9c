// SPDX-License-Identifier: Apache-2.0
// Planes of YCbCr to RGB with libjpeg's results to the bit: colour enlarged by triangles where it is halved, and
// converted with 16 bits of fraction (JFIF 1.02). Pure; thread-safe.
#pragma once

#include "pixel/image.hpp"
#include "pixel/planes.hpp"

namespace microtome::codec {

// Whether planes of this width and these factors can be turned: colour whole, halved across, or halved both ways, and
// more than two samples of it in a row.
[[nodiscard]] bool can_turn_planes(int width, int across, int down);

// Into `target` (rgb, u8) with the top left pixel at that of `place`; what lies outside is dropped.
void planes_to_rgb(const pixel::Planes& planes, pixel::Image& target, const pixel::Rect& place);

}  // namespace microtome::codec
