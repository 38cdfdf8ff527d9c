// SPDX-License-Identifier: Apache-2.0
// Colours of TIFF samples: palettes, inks, Lab, white-is-zero, signed and premultiplied values to what pixel::Image
// holds. `bits` is what the samples are stored in (they range over 0..2^bits-1 in u16). Pure; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "pixel/image.hpp"

namespace microtome::image {

// x -> mask ^ x on integers, samples first, first + step, ...: white-is-zero (mask: all ones), signed (mask: the
// sign).
void flip_bits(pixel::Image& image, int first, int step, std::uint32_t mask);

// Indices of u8 or u16 through tag ColorMap (all reds, all greens, all blues) to rgb; indices beyond it are black.
[[nodiscard]] pixel::Image look_up(const pixel::Image& indices, const std::vector<std::uint16_t>& palette);

// Four inks (0 = none) to rgb.
[[nodiscard]] pixel::Image from_cmyk(const pixel::Image& inks, int bits);

// CIE L*a*b* to sRGB, u8. TIFF 6.0 section 23: L 0..100 over the whole range, a and b signed; floating point holds
// the values themselves.
[[nodiscard]] pixel::Image from_lab(const pixel::Image& lab, int bits);

// Divides colour by alpha; u8, u16 and f32; other types are left alone.
void undo_premultiplied(pixel::Image& image, int bits);

}  // namespace microtome::image
