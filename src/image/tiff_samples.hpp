// SPDX-License-Identifier: Apache-2.0
// From decompressed TIFF samples to pixels: unpacks bits, joins planes, and turns palettes, CMYK, Lab, white-is-zero,
// signed and premultiplied samples into what pixel::Image holds. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/icc.hpp"
#include "image/tiff_index.hpp"
#include "image/tiff_layout.hpp"
#include "pixel/image.hpp"

namespace microtome::image {

// Bytes of one row of a block and of a whole block of `height` rows, all planes together.
[[nodiscard]] std::size_t row_bytes(const TiffDirectory& directory, std::int64_t width);
[[nodiscard]] std::size_t block_bytes(const TiffDirectory& directory, std::int64_t width, std::int64_t height);

// `data`: block_bytes() bytes, multi-byte samples in native order, plane after plane when planar, predictor undone.
// `palette`: tag ColorMap (red, green, blue; 2^bits entries each), for palettes only.
// `inks`: how CMYK looks; null: as it is. Code::corrupt when too short.
[[nodiscard]] Result<pixel::Image> to_image(const TiffDirectory& directory, const TiffLayout& layout, ByteView data,
                                            int width, int height, const std::vector<std::uint16_t>& palette,
                                            const codec::InkProfile* inks);

// Undoes horizontal differencing (TIFF 6.0 section 14) in rows of samples of 8 or 16 bits in native order.
void undo_differencing(std::uint8_t* data, std::size_t rows, std::size_t width, int samples, int bits);

// Reverses the bytes of every sample of 16, 32 or 64 bits.
void swap_bytes(std::uint8_t* data, std::size_t size, int bits);

}  // namespace microtome::image
