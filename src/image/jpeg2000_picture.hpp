// SPDX-License-Identifier: Apache-2.0
// JPEG 2000 files (JP2 and bare codestreams, HTJ2K as well) as pictures. Their resolutions are the levels; where they
// have too few, further halves are made. Decoding is slow (5 to 10 ms for a tile of 256 pixels), so that it is done
// in blocks of several tiles that are kept for their neighbours.
#pragma once

#include "image/picture.hpp"

namespace microtome::image {

// As open_picture, for files that begin like JPEG 2000.
[[nodiscard]] Result<PicturePtr> open_jpeg2000(io::FilePtr file, const OpenLimits& limits);

}  // namespace microtome::image
