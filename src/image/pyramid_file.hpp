// SPDX-License-Identifier: Apache-2.0
// Pyramids of pictures that have none: a BigTIFF of tiles (docs/formats/pyramids.md), written from top to bottom with
// memory for a row of tiles of each level, and read in the place of the picture that it was made of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "image/picture.hpp"
#include "io/atomic_file.hpp"

namespace microtome::image {

// Raise it whenever a pyramid of the same picture would have other pixels: old files are then no longer found.
inline constexpr std::uint64_t kPyramidVersion = 2;

// Whether a pyramid can hold it: no tiles of its own; grey or RGB, with or without alpha, of 8 or 16 bits.
[[nodiscard]] bool can_have_pyramid(const PictureInfo& info);

// Whether its tiles are without loss (16 bits, alpha); else they are JPEG of quality 90.
[[nodiscard]] bool is_exact_pyramid(const PictureInfo& info);

// The most bytes that a pyramid of it will take, roughly.
[[nodiscard]] std::uint64_t pyramid_bytes(const PictureInfo& info);

// Writes the pyramid of `picture` to `path`, which appears whole or not at all. `unchanged` is asked before that. At
// most `max_bytes` of pixels are held beside the rows of tiles. Blocks, long. Code::overloaded while another process
// writes the same file, Code::too_large, Code::cancelled, and what reading and writing say.
[[nodiscard]] Result<void> write_pyramid(const Picture& picture, const std::string& path, std::uint64_t max_bytes,
                                         const io::Verify& unchanged, const CancelToken& cancel);

// `source` with the tiles of `pyramid`, which was made of it; Code::corrupt when it cannot have been. The result's
// file_id() is the source's.
[[nodiscard]] Result<PicturePtr> with_pyramid(PicturePtr source, PicturePtr pyramid);

}  // namespace microtome::image
