// SPDX-License-Identifier: Apache-2.0
// Colour profiles, by Little CMS. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

// Makes the colours of a u8 picture (grey, rgb, with or without alpha, which stays) those of sRGB, perceptually. The
// picture stays as it is when the profile cannot be read, is for another kind of colours, or is sRGB itself.
// True when it was changed. About 15 ns a pixel.
bool to_srgb(pixel::Image& image, ByteView profile);

// A profile of four inks: what CMYK numbers look like. Immutable; thread-safe.
class InkProfile {
 public:
  // Null when the bytes are empty, or too many, to be one. They are looked at when the first pixels come.
  static std::shared_ptr<const InkProfile> make(ByteView profile);
  explicit InkProfile(ByteView profile);
  ~InkProfile();
  InkProfile(const InkProfile&) = delete;
  InkProfile& operator=(const InkProfile&) = delete;

  // Four samples a pixel of 8 or 16 whole bits to sRGB of 8, perceptually. `inverted`: 0 is all ink. False, and `rgb`
  // is as it was, when the profile cannot be read or is for other colours, or for other samples. About 35 ns a pixel.
  bool to_rgb(const pixel::Image& inks, bool inverted, pixel::Image& rgb) const;

  [[nodiscard]] std::size_t memory() const;

 private:
  struct Transforms;
  const Bytes bytes_;
  std::unique_ptr<Transforms> transforms_;
};

}  // namespace microtome::codec
