// SPDX-License-Identifier: Apache-2.0
// JPEG strip by strip: the same bytes as encode_jpeg's for the same picture.
#pragma once

#include <memory>

#include "codec/strip_writer.hpp"

namespace microtome::codec {

// grey or rgb.
[[nodiscard]] Result<std::unique_ptr<StripWriter>> make_jpeg_strips(int width, int height, pixel::Colour colour,
                                                                    const EncodeOptions& options);

}  // namespace microtome::codec
