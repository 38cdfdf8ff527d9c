// SPDX-License-Identifier: Apache-2.0
// What readers without stored tiles say of levels, tiles and rectangles before they decode. Pure; thread-safe.
#pragma once

#include "image/picture.hpp"

namespace microtome::image {

// A tile of the level's grid of which no bytes are stored, cropped to the level. Code::not_found outside.
[[nodiscard]] Result<StoredTile> tile_without_bytes(const PictureInfo& info, int level, std::int64_t x,
                                                    std::int64_t y);

// Code::not_found when the level has no such tile, or the picture no such level.
[[nodiscard]] Result<void> check_tile(const PictureInfo& info, int level, std::int64_t x, std::int64_t y);

// Code::not_found without such a level, Code::bad_request when `rect` is empty or does not lie in it.
[[nodiscard]] Result<void> check_region(const PictureInfo& info, int level, const pixel::Rect& rect);

// Tile (x, y) through the picture's decode_region().
[[nodiscard]] Result<pixel::Image> decode_tile_as_region(const Picture& picture, int level, std::int64_t x,
                                                         std::int64_t y, const CancelToken& cancel);

}  // namespace microtome::image
