// SPDX-License-Identifier: Apache-2.0
// DeepZoom pyramids as pictures: NAME.dzi with the folder NAME_files beside it, or a zip that holds both. Tiles
// without overlap are passed through; the overlap of others is cropped. Tiles that are not there are blank.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "image/picture.hpp"

namespace microtome::image {

struct DziDescription {
  std::int64_t width = 0;
  std::int64_t height = 0;
  int tile = 0;
  int overlap = 0;
  std::string format;  // lower case: jpg, jpeg, png, webp
};

// The XML of Deep Zoom, namespaces 2008 and 2009. nullopt when it makes no sense.
[[nodiscard]] std::optional<DziDescription> parse_dzi(std::string_view xml);

// As open_picture, for a .dzi file and for a zip.
[[nodiscard]] Result<PicturePtr> open_dzi(io::FilePtr file, const OpenLimits& limits);
[[nodiscard]] Result<PicturePtr> open_zipped_dzi(io::FilePtr file, const OpenLimits& limits);

}  // namespace microtome::image
