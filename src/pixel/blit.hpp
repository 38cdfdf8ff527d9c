// SPDX-License-Identifier: Apache-2.0
// Copies between pictures, with clipping. Pure apart from the target; thread-safe on different targets.
#pragma once

#include <array>
#include <cstdint>

#include "pixel/image.hpp"

namespace microtome::pixel {

// What both have in common; empty (width or height 0) when nothing. Safe for any coordinates.
Rect intersect(const Rect& one, const Rect& other);

// Puts `source` with its top left at (x, y) of `target`; what falls outside is dropped. Sample type and channels must
// be equal: false otherwise, and nothing is written.
bool paste(Image& target, const Image& source, std::int64_t x, std::int64_t y);

// The same for a part of the source.
bool paste(Image& target, const Image& source, const Rect& part, std::int64_t x, std::int64_t y);

// A copy of the part of `area` that lies in the picture (so it may be smaller than `area`, or empty).
Image crop(const Image& source, const Rect& area);

// Every pixel of the area the same, `pixel` in the picture's own samples (bytes_of(sample) * channels bytes).
void fill(Image& target, const Rect& area, std::span<const std::uint8_t> pixel);

}  // namespace microtome::pixel
