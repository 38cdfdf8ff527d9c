// SPDX-License-Identifier: Apache-2.0
// For tests: pictures with smooth and rough parts, and how far two pictures are apart.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "pixel/image.hpp"

namespace microtome::codec::test {

inline pixel::Image picture(int width, int height, int channels, pixel::Sample sample = pixel::Sample::u8) {
  constexpr pixel::Colour kColours[] = {pixel::Colour::grey, pixel::Colour::grey_alpha, pixel::Colour::rgb,
                                        pixel::Colour::rgba};
  pixel::Image image = pixel::Image::make(width, height, channels, kColours[channels - 1], sample);
  std::vector<double> across(static_cast<std::size_t>(width) * channels);
  for (std::size_t i = 0; i < across.size(); ++i) {
    const std::size_t column = i / channels;
    across[i] = 0.5 + 0.3 * std::sin(static_cast<double>(column) * 0.05 * static_cast<double>(i % channels + 1));
  }
  for (int y = 0; y < height; ++y) {
    for (int c = 0; c < channels; ++c) {
      const double down = 0.2 * std::cos(y * 0.07 + c);
      for (int x = 0; x < width; ++x) {
        const std::size_t at = static_cast<std::size_t>(x) * channels + c;
        const double wave = across[at] + down;
        if (sample == pixel::Sample::u8) {
          image.row(y)[at] = static_cast<std::uint8_t>(std::clamp(wave, 0.0, 1.0) * 255);
        } else {
          reinterpret_cast<std::uint16_t*>(image.row(y))[at] =
              static_cast<std::uint16_t>(std::clamp(wave, 0.0, 1.0) * 65535);
        }
      }
    }
  }
  return image;
}

// Mean absolute difference of 8-bit samples; 1000 when the shapes differ.
inline double mean_difference(const pixel::Image& one, const pixel::Image& other) {
  if (one.width != other.width || one.height != other.height || one.channels != other.channels) {
    return 1000;
  }
  double sum = 0;
  for (std::size_t i = 0; i < one.data.size(); ++i) {
    sum += std::abs(int{one.data[i]} - int{other.data[i]});
  }
  return sum / static_cast<double>(one.data.size());
}

inline int most_difference(const pixel::Image& one, const pixel::Image& other) {
  if (one.width != other.width || one.height != other.height || one.channels != other.channels) {
    return 1000;
  }
  int most = 0;
  for (std::size_t i = 0; i < one.data.size(); ++i) {
    most = std::max(most, std::abs(int{one.data[i]} - int{other.data[i]}));
  }
  return most;
}

inline double mean_of_channel(const pixel::Image& image, int channel) {
  double sum = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      sum += image.row(y)[x * image.channels + channel];
    }
  }
  return sum / image.width / image.height;
}

inline Bytes fixture(const std::string& name) {
  std::ifstream file(std::filesystem::path(MICROTOME_FIXTURES) / "codec" / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace microtome::codec::test
