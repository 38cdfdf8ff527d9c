// SPDX-License-Identifier: Apache-2.0
// What readers without stored tiles say of levels, tiles and rectangles before they decode. Pure; thread-safe.
#pragma once

#include "image/picture.hpp"

namespace microtome::image {

// Code::not_found when the level has no such tile, or the picture no such level.
[[nodiscard]] Result<void> check_tile(const PictureInfo& info, int level, std::int64_t x, std::int64_t y);

// Code::not_found without such a level, Code::bad_request when `rect` is empty or does not lie in it.
[[nodiscard]] Result<void> check_region(const PictureInfo& info, int level, const pixel::Rect& rect);

// A picture without stored tiles: of those of its grid no bytes can be had, and their pixels are decode_region()'s.
class RegionPicture : public Picture {
 public:
  [[nodiscard]] Result<std::optional<StoredTile>> stored_tile(int level, std::int64_t x, std::int64_t y,
                                                              bool may_block) const final;
  [[nodiscard]] Result<pixel::Image> decode_tile(int level, std::int64_t x, std::int64_t y,
                                                 const CancelToken& cancel) const final;
};

}  // namespace microtome::image
