// SPDX-License-Identifier: Apache-2.0
// TIFF by libtiff, written in memory: one picture in strips. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

enum class TiffCompression : std::uint8_t { none, lzw, deflate, jpeg, webp, zstd };

// "none", "lzw", "deflate", "jpeg", "webp", "zstd".
[[nodiscard]] std::optional<TiffCompression> tiff_compression_of(std::string_view name);

struct TiffEncodeOptions {
  TiffCompression compression = TiffCompression::deflate;
  int quality = 75;  // of jpeg and webp, 1..100
  ByteView icc = {};
  double pixels_per_inch = 0;  // 0: not written
};

// grey, grey_alpha, rgb, rgba of u8 and u16 keep their type (deflate, lzw and zstd with a predictor); anything else
// is brought to the nearest of these. jpeg and webp bring 16 bits to 8; jpeg drops alpha (compose before).
// Code::bad_request for an empty picture or one that webp cannot hold, Code::too_large above 4 GiB of pixels.
Result<Bytes> encode_tiff(const pixel::Image& image, const TiffEncodeOptions& options = {});

}  // namespace microtome::codec
