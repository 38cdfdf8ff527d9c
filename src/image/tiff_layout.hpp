// SPDX-License-Identifier: Apache-2.0
// What the blocks of a TIFF directory decode to, which way they are decoded, and which directories are the levels of
// one pyramid. Pure functions of the index; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "image/tiff_index.hpp"
#include "pixel/image.hpp"

namespace microtome::image {

// How a block becomes samples. The first three are ours, the others libtiff's.
enum class TiffWay : std::uint8_t {
  jpeg,     // a JPEG stream (with JPEGTables) of 1 or 3 components
  webp,     // a WebP stream
  raw,      // bytes as they are, or deflated; horizontal predictor
  samples,  // libtiff undoes the compression, the samples are arranged here
  rgba,     // libtiff makes 8-bit RGBA: raw YCbCr, old-style JPEG, LogLuv
};

struct TiffLayout {
  TiffWay way = TiffWay::samples;
  int channels = 0;
  pixel::Sample sample = pixel::Sample::u8;
  pixel::Colour colour = pixel::Colour::grey;
  bool premultiplied = false;  // stored colour is multiplied by alpha and has to be divided
  friend bool operator==(const TiffLayout&, const TiffLayout&) = default;
};

// Bilevel, palette, YCbCr, CMYK and Lab become grey or rgb of 8 bits; 9..16 bits become u16 with the stored
// values, 1..7 and 17..31 bits are stretched over u8 and u32, floating point stays, signed integers are shifted to
// unsigned. Code::unsupported for what neither libtiff nor we can decode.
[[nodiscard]] Result<TiffLayout> layout_of(const TiffDirectory& directory);

// The directories of the picture, largest first. One element when it is not tiled or has no smaller versions.
// The picture is the first page of the chain unless that is a thumbnail; its levels are the tiled SubIFDs and
// pages of the same shape and kind that are smaller. Thumbnails, labels and macro shots of slide scanners (strips,
// other shape), masks and further pages of a stack are left out.
[[nodiscard]] std::vector<const TiffDirectory*> choose_levels(const TiffIndex& index);

}  // namespace microtome::image
