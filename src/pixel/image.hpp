// SPDX-License-Identifier: Apache-2.0
// Image: decoded pixels in memory, interleaved, rows top to bottom.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace microtome::pixel {

enum class Sample : std::uint8_t { u8, u16, u32, f32, f64 };  // native byte order

enum class Colour : std::uint8_t { grey, grey_alpha, rgb, rgba, cmyk, lab, multi };  // alpha is not premultiplied

[[nodiscard]] constexpr int bytes_of(Sample sample) {
  switch (sample) {
    case Sample::u8:
      return 1;
    case Sample::u16:
      return 2;
    case Sample::u32:
    case Sample::f32:
      return 4;
    case Sample::f64:
      return 8;
  }
  return 1;
}

struct Rect {  // pixels, half open: columns x..x+width-1
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  friend bool operator==(const Rect&, const Rect&) = default;
};

// For memory that is written before it is read: resize() leaves what is new as it is found.
template <class T>
struct Unfilled : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = Unfilled<U>;
  };
  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class First, class... Rest>
  void construct(U* at, First&& first, Rest&&... rest) {
    ::new (static_cast<void*>(at)) U(std::forward<First>(first), std::forward<Rest>(rest)...);
  }
};

// The same values, whoever allocated them.
template <class T>
[[nodiscard]] bool operator==(const std::vector<T, Unfilled<T>>& one, const std::vector<T>& other) {
  return std::ranges::equal(one, other);
}

// Movable, copyable; not thread-safe while written.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  Sample sample = Sample::u8;
  Colour colour = Colour::rgb;
  std::size_t stride = 0;  // bytes from one row to the next
  std::vector<std::uint8_t, Unfilled<std::uint8_t>> data;

  // All zero; the caller has checked the size against its limits.
  static Image make(int width, int height, int channels, Colour colour, Sample sample = Sample::u8) {
    Image image = unfilled(width, height, channels, colour, sample);
    image.data.assign(image.data.size(), 0);
    return image;
  }
  // Holds anything: for those who write every sample before any is read.
  static Image unfilled(int width, int height, int channels, Colour colour, Sample sample = Sample::u8) {
    Image image{width, height, channels, sample, colour, 0, {}};
    image.stride = static_cast<std::size_t>(width) * channels * bytes_of(sample);
    image.data.resize(image.stride * height);
    return image;
  }
  [[nodiscard]] std::uint8_t* row(int y) { return data.data() + stride * y; }
  [[nodiscard]] const std::uint8_t* row(int y) const { return data.data() + stride * y; }
};

}  // namespace microtome::pixel
