// SPDX-License-Identifier: Apache-2.0
// WebP by libwebp. Pure and thread-safe; broken bytes give Code::corrupt; animations are unsupported.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/jpeg.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

struct WebpInfo {
  int width = 0;
  int height = 0;
  bool alpha = false;
  bool animated = false;
  bool lossless = false;
};

Result<WebpInfo> inspect_webp(ByteView head);

// rgb, or rgba when the picture has alpha; u8.
Result<pixel::Image> decode_webp(ByteView stream, std::uint64_t max_pixels = kMaxPixels);

struct WebpEncodeOptions {
  int quality = 75;  // 0..100; for lossless the effort
  bool lossless = false;
  int method = 0;  // 0 fast .. 6 small
  ByteView icc = {};
};

// At most 16383 pixels a side: bad_request above.
Result<Bytes> encode_webp(const pixel::Image& image, const WebpEncodeOptions& options = {});

}  // namespace microtome::codec
