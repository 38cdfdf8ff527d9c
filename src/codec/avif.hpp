// SPDX-License-Identifier: Apache-2.0
// AVIF by libavif: the AV1 encoder and decoder that it was built with. Pure and thread-safe, one thread per call;
// broken bytes give Code::corrupt; of animations the first picture is read.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/jpeg.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

struct AvifInfo {
  int width = 0;
  int height = 0;
  int bits = 8;  // 8, 10 or 12
  bool alpha = false;
  bool grey = false;
  Bytes icc;
  int orientation = 1;  // as EXIF counts, from irot and imir
};

// Reads the boxes; the pixels may be missing.
Result<AvifInfo> inspect_avif(ByteView stream);

// grey, rgb or rgba; u8, or u16 (0..2^bits-1) when the picture has more than 8 bits. As stored: not turned.
Result<pixel::Image> decode_avif(ByteView stream, std::uint64_t max_pixels = kMaxPixels);

struct AvifEncodeOptions {
  int quality = 50;  // 0..100
  bool lossless = false;
  int speed = 10;  // 0 slow .. 10 fast
  ByteView icc = {};
};

// u8; other types are brought to it. At most 16384 pixels a side (what decoders take): bad_request above.
Result<Bytes> encode_avif(const pixel::Image& image, const AvifEncodeOptions& options = {});

}  // namespace microtome::codec
