// SPDX-License-Identifier: Apache-2.0
// What JPEG, PNG and WebP files carry beside their pixels: colour profile, resolution, orientation, comment.
// Pure functions of the whole file's bytes; anything broken is left out. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "image/tiff_info.hpp"

namespace microtome::image {

struct Embedded {
  Bytes icc;
  std::optional<PixelSize> size;
  int orientation = 1;  // EXIF, 1..8
  std::string comment;
};

[[nodiscard]] Embedded embedded_in_jpeg(ByteView file);  // APP0 JFIF, APP1 EXIF, APP2 ICC, COM
[[nodiscard]] Embedded embedded_in_png(ByteView file);   // iCCP, pHYs
[[nodiscard]] Embedded embedded_in_webp(ByteView file);  // ICCP

}  // namespace microtome::image
