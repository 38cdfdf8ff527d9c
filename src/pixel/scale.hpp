// SPDX-License-Identifier: Apache-2.0
// Scaling of pictures of any sample type and 1..16 interleaved channels.
// Down-scaling averages the exact area that an output pixel covers (box) or weights it by a triangle twice as wide;
// an axis that enlarges is interpolated bilinearly. Beyond the picture its edge pixels are repeated. Colour under an
// alpha channel (grey_alpha, rgba) is weighted by its alpha, so that hidden colours do not bleed. Values are sample
// values: no gamma. All functions are pure and thread-safe.
#pragma once

#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::pixel {

// A rectangle between pixel edges: pixel (0, 0) covers 0..1. May be fractional and may reach beyond the picture.
struct SourceRect {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

// box, triangle: see above. corner: two pixels on each axis, weighted by where the upper left corner of an output
// pixel lies and rounded down, corner_near: the same rounded to the nearest, and nearest: the one pixel under that
// corner. These three see no pixel between their samples, so they are for shrinking by less than two.
enum class Filter : std::uint8_t { box, triangle, corner, corner_near, nearest };

// `from` of the source as out_width x out_height pixels of the same type. bad_request for an empty or non-finite
// rectangle or an empty output; too_large for more than 2^31 output bytes. The caller checks its own limits first.
// u8, u16 and f32 of up to 4 channels take the SIMD path, the others a slower one.
Result<Image> scale(const Image& source, const SourceRect& from, int out_width, int out_height,
                    Filter filter = Filter::box);

// The whole picture.
Result<Image> scale(const Image& source, int out_width, int out_height, Filter filter = Filter::box);

// Half the size, rounded up, by the rounded mean of 2x2 pixels (an odd last row or column is repeated): for pyramids.
// u8, 1, 3 or 4 channels by SIMD; the rest through scale(). Alpha as above.
Result<Image> shrink2(const Image& source);

}  // namespace microtome::pixel
