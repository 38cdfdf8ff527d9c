// SPDX-License-Identifier: Apache-2.0
// Plain JPEG, PNG, WebP and AVIF files as pictures. JPEG's EXIF orientation and AVIF's turns are applied.
#pragma once

#include "image/picture.hpp"

namespace microtome::image {

// As open_picture, for files that begin like their format.
[[nodiscard]] Result<PicturePtr> open_jpeg(io::FilePtr file, const OpenLimits& limits);
[[nodiscard]] Result<PicturePtr> open_png(io::FilePtr file, const OpenLimits& limits);
[[nodiscard]] Result<PicturePtr> open_webp(io::FilePtr file, const OpenLimits& limits);
[[nodiscard]] Result<PicturePtr> open_avif(io::FilePtr file, const OpenLimits& limits);

}  // namespace microtome::image
