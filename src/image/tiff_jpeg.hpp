// SPDX-License-Identifier: Apache-2.0
// Inside of image: JPEG blocks of a TIFF level as streams for the decoder.
#pragma once

#include "codec/jpeg.hpp"
#include "image/tiff_blocks.hpp"
#include "image/tiff_tags.hpp"

namespace microtome::image {

// Some writers leave the end marker out.
inline Bytes& closed(Bytes& stream) {
  if (!codec::ends_with_eoi(stream)) {
    stream.insert(stream.end(), {0xff, 0xd9});
  }
  return stream;
}

inline codec::JpegDecodeOptions jpeg_options(const TiffLevel& level, int denominator) {
  const TiffDirectory& directory = *level.directory;
  codec::JpegDecodeOptions options;
  options.scale_denominator = denominator;
  options.max_pixels = static_cast<std::uint64_t>(directory.block_width) * directory.block_height;
  options.tables = level.jpeg_tables;
  options.inks = level.inks.get();
  if (directory.samples == 3) {
    options.rgb_coded = directory.photometric == tiff::kRgb;
  }
  return options;
}

}  // namespace microtome::image
