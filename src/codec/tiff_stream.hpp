// SPDX-License-Identifier: Apache-2.0
// TIFF strip by strip: directory first, then the strips, not compressed, so that it can be sent while it is made and
// its length is known before. BigTIFF where offsets need more than 32 bits. Little endian.
#pragma once

#include <cstdint>
#include <memory>

#include "codec/strip_writer.hpp"

namespace microtome::codec {

[[nodiscard]] std::uint64_t tiff_stream_length(int width, int height, pixel::Colour colour,
                                               const EncodeOptions& options);

// grey, grey_alpha, rgb, rgba of 8 bits.
[[nodiscard]] Result<std::unique_ptr<StripWriter>> make_tiff_strips(int width, int height, pixel::Colour colour,
                                                                    const EncodeOptions& options);

}  // namespace microtome::codec
