// SPDX-License-Identifier: Apache-2.0
// Conversions of sample type and colour. Pure and thread-safe.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::pixel {

// The sample values that become 0 and 255. low > high inverts.
struct Window {
  double low = 0;
  double high = 255;
};

struct Rgb8 {
  std::uint8_t red = 255;
  std::uint8_t green = 255;
  std::uint8_t blue = 255;
};

[[nodiscard]] constexpr bool has_alpha(Colour colour) {
  return colour == Colour::grey_alpha || colour == Colour::rgba;
}

// To 8 bits a sample: u16 >> 8, u32 >> 24, f32 and f64 from 0..1 (clamped, rounded; NaN is 0). u8 is copied.
Image to_u8(const Image& source);

// To 8 bits a sample by a window; values outside are clamped, NaN is 0. An alpha channel keeps its full range.
Image to_u8(const Image& source, const Window& window);

// Without alpha: the picture over a background. grey_alpha gives grey (over the background's luma), rgba gives rgb;
// others are copied. u8 only; other types go through to_u8 first.
Image compose(const Image& source, Rgb8 background);

// To grey, rgb or rgba of the same sample type (u8, u16; others through to_u8). Grey is Rec. 601 luma; multi takes
// its first channel (grey) or first three; added alpha is opaque; dropped alpha is ignored (use compose to honour
// it); cmyk is subtractive (0 = no ink).
Image to_grey(const Image& source);
Image to_rgb(const Image& source);
Image to_rgba(const Image& source);

// One channel as a grey picture of the same sample type; an index out of range gives an empty picture.
Image take_channel(const Image& source, int channel);

// Swaps red and blue in place (u8, 3 or 4 channels; else nothing).
void swap_red_blue(Image& image);

}  // namespace microtome::pixel
