// SPDX-License-Identifier: Apache-2.0
// Opening a picture by the name a person typed. Blocks.
#pragma once

#include <string>

#include "image/picture.hpp"
#include "io/file.hpp"

namespace microtome::apps {

[[nodiscard]] inline Result<image::PicturePtr> open_picture(const std::string& name) {
  const auto file = io::File::open(name);
  if (!file) {
    return std::unexpected(file.error());
  }
  return image::open_picture(*file, image::OpenLimits{});
}

}  // namespace microtome::apps
