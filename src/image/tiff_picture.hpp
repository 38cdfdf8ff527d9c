// SPDX-License-Identifier: Apache-2.0
// TIFF files as pictures. The orientation tag is not applied: tiles pass through as they are stored, and scanners
// of slides write 1.
#pragma once

#include <string_view>

#include "image/picture.hpp"

namespace microtome::image {

// As open_picture, for a file that begins like a TIFF.
[[nodiscard]] Result<PicturePtr> open_tiff(io::FilePtr file, const OpenLimits& limits);

// As open_part: a page, a plane, or an associated picture of a slide.
[[nodiscard]] Result<PicturePtr> open_tiff_part(io::FilePtr file, std::string_view part, const OpenLimits& limits);

}  // namespace microtome::image
