// SPDX-License-Identifier: Apache-2.0
// JPEG 2000 writer (JP2 container) over OpenJPEG: one tile, five reductions where the picture is large enough, in
// RLCP order so that a prefix is a smaller picture. Pure, thread-safe.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

struct Jp2EncodeOptions {
  int quality = 75;  // 1..100: about as far from the original as a JPEG of that quality
  bool lossless = false;
  ByteView icc = {};
};

// grey, grey_alpha, rgb, rgba of u8 and u16; other colours and types are brought to 8 bits of these.
[[nodiscard]] Result<Bytes> encode_jp2(const pixel::Image& image, const Jp2EncodeOptions& options = {});

}  // namespace microtome::codec
