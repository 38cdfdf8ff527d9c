// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_colour.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace microtome::image {
namespace {

using pixel::Colour;
using pixel::Image;
using pixel::Sample;

template <class T>
void for_each_sample(Image& image, int first, int step, auto&& change) {
  for (int y = 0; y < image.height; ++y) {
    auto* row = reinterpret_cast<T*>(image.row(y));
    for (int i = first; i < image.width * image.channels; i += step) {
      row[i] = change(row[i]);
    }
  }
}

double sample_at(const Image& image, int x, int y, int channel) {
  const std::uint8_t* at =
      image.row(y) + (static_cast<std::size_t>(x) * image.channels + channel) * pixel::bytes_of(image.sample);
  const auto load = [&]<class T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  };
  switch (image.sample) {
    case Sample::u8:
      return *at;
    case Sample::u16:
      return load(std::uint16_t{});
    case Sample::u32:
      return load(std::uint32_t{});
    case Sample::f32:
      return load(float{});
    case Sample::f64:
      return load(double{});
  }
  return 0;
}

std::uint8_t to_byte(double value) {  // NaN is 0
  // NOLINTNEXTLINE(bugprone-incorrect-roundings): never below 0, and a call a pixel is dear
  return value > 0 ? static_cast<std::uint8_t>(std::min(value, 255.0) + 0.5) : 0;
}

// The largest value there is: white, full ink.
double range_of(Sample sample, int bits) {
  switch (sample) {
    case Sample::u8:
      return 255;
    case Sample::u16:
      return (1 << bits) - 1;
    case Sample::u32:
      return 4294967295.0;
    default:
      return 1;
  }
}

std::uint8_t srgb(double linear) {  // IEC 61966-2-1
  const double value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
  return to_byte(255 * value);
}

// CIE 1976 L*a*b* to sRGB; the white of the picture becomes the white of the screen.
void lab_to_srgb(double light, double a, double b, std::uint8_t* out) {
  const auto cube = [](double f) { return f > 6.0 / 29 ? f * f * f : 3 * 36.0 / 841 * (f - 4.0 / 29); };
  const double fy = (light + 16) / 116;
  const double x = 0.95047 * cube(fy + a / 500);
  const double y = cube(fy);
  const double z = 1.08883 * cube(fy - b / 200);
  out[0] = srgb(3.2404542 * x - 1.5371385 * y - 0.4985314 * z);
  out[1] = srgb(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z);
  out[2] = srgb(0.0556434 * x - 0.2040259 * y + 1.0572252 * z);
}

template <class T>
void divide_by_alpha(Image& image, double most) {
  const int colours = image.channels - 1;
  for (int y = 0; y < image.height; ++y) {
    auto* pixel = reinterpret_cast<T*>(image.row(y));
    for (int x = 0; x < image.width; ++x, pixel += image.channels) {
      const double alpha = pixel[colours];
      for (int c = 0; c < colours && alpha > 0 && alpha < most; ++c) {
        const double value = std::min(pixel[c] * most / alpha, most);
        pixel[c] = static_cast<T>(std::is_floating_point_v<T> ? value : value + 0.5);
      }
    }
  }
}

}  // namespace

void flip_bits(Image& image, int first, int step, std::uint32_t mask) {
  switch (image.sample) {
    case Sample::u8:
      for_each_sample<std::uint8_t>(image, first, step, [=](auto v) { return static_cast<std::uint8_t>(v ^ mask); });
      break;
    case Sample::u16:
      for_each_sample<std::uint16_t>(image, first, step,
                                     [=](auto v) { return static_cast<std::uint16_t>(v ^ mask); });
      break;
    case Sample::u32:
      for_each_sample<std::uint32_t>(image, first, step, [=](auto v) { return v ^ mask; });
      break;
    default:
      break;
  }
}

Image look_up(const Image& indices, const std::vector<std::uint16_t>& palette) {
  Image target = Image::make(indices.width, indices.height, 3, Colour::rgb);
  const std::size_t entries = palette.size() / 3;
  // Some old writers put 8-bit values into the 16-bit entries.
  const bool narrow = std::ranges::all_of(palette, [](std::uint16_t value) { return value < 256; });
  const int shift = narrow ? 0 : 8;
  for (int y = 0; y < indices.height; ++y) {
    std::uint8_t* out = target.row(y);
    for (int x = 0; x < indices.width; ++x) {
      std::uint32_t index = indices.row(y)[x];
      if (indices.sample == Sample::u16) {
        std::uint16_t wide = 0;
        std::memcpy(&wide, indices.row(y) + static_cast<std::size_t>(x) * 2, 2);
        index = wide;
      }
      for (std::size_t c = 0; c < 3; ++c) {
        *out++ = index < entries ? static_cast<std::uint8_t>(palette[c * entries + index] >> shift) : 0;
      }
    }
  }
  return target;
}

Image from_cmyk(const Image& inks, int bits) {
  Image target = Image::make(inks.width, inks.height, 3, Colour::rgb);
  const double most = range_of(inks.sample, bits);
  for (int y = 0; y < inks.height; ++y) {
    std::uint8_t* out = target.row(y);
    for (int x = 0; x < inks.width; ++x) {
      const double light = 1 - sample_at(inks, x, y, 3) / most;
      for (int c = 0; c < 3; ++c) {
        *out++ = to_byte(255 * (1 - sample_at(inks, x, y, c) / most) * light);
      }
    }
  }
  return target;
}

Image from_lab(const Image& lab, int bits) {
  Image target = Image::make(lab.width, lab.height, 3, Colour::rgb);
  const bool real = lab.sample == Sample::f32 || lab.sample == Sample::f64;
  const double most = range_of(lab.sample, bits);
  const double step = real ? 1 : (most + 1) / 256;  // of a and b
  const auto centred = [&](double value) {
    return real ? value : (value > most / 2 ? value - most - 1 : value) / step;
  };
  for (int y = 0; y < lab.height; ++y) {
    for (int x = 0; x < lab.width; ++x) {
      const double light = sample_at(lab, x, y, 0);
      lab_to_srgb(real ? light : light / most * 100, centred(sample_at(lab, x, y, 1)),
                  centred(sample_at(lab, x, y, 2)), target.row(y) + static_cast<std::size_t>(x) * 3);
    }
  }
  return target;
}

void undo_premultiplied(Image& image, int bits) {
  switch (image.sample) {
    case Sample::u8:
      divide_by_alpha<std::uint8_t>(image, 255);
      break;
    case Sample::u16:
      divide_by_alpha<std::uint16_t>(image, (1 << bits) - 1);
      break;
    case Sample::f32:
      divide_by_alpha<float>(image, 1);
      break;
    default:
      break;
  }
}

}  // namespace microtome::image
