// SPDX-License-Identifier: Apache-2.0
// One front for all encoders. Pure and thread-safe.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/codec.hpp"
#include "codec/tiff_encode.hpp"
#include "pixel/convert.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

struct EncodeOptions {
  int quality = 75;                                        // 1..100
  int png_level = 1;                                       // 0..9
  bool lossless = false;                                   // webp and avif; png always is
  ByteView icc = {};                                       // embedded where the format can
  pixel::Rgb8 background = {};                             // under alpha, for formats without it
  double pixels_per_inch = 0;                              // 0: not written
  TiffCompression compression = TiffCompression::deflate;  // tiff
  int speed = 10;                                          // avif: 0 slow .. 10 fast
};

// One number as protocols and settings have it: 1..100; WebP and AVIF also -1, lossless; PNG its level of
// compression.
[[nodiscard]] EncodeOptions options_of(Format format, int quality);

// All but raw.
[[nodiscard]] bool can_encode(Format format);

// Code::unsupported for formats that cannot be encoded.
Result<Bytes> encode(const pixel::Image& image, Format format, const EncodeOptions& options = {});

}  // namespace microtome::codec
