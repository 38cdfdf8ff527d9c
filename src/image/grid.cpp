// SPDX-License-Identifier: Apache-2.0
#include "image/grid.hpp"

#include <algorithm>

namespace microtome::image {
namespace {

const Level* find_level(const PictureInfo& info, int level) {
  return level >= 0 && static_cast<std::size_t>(level) < info.levels.size()
             ? &info.levels[static_cast<std::size_t>(level)]
             : nullptr;
}

// Cropped to the level. Code::not_found outside.
Result<StoredTile> tile_without_bytes(const PictureInfo& info, int level, std::int64_t x, std::int64_t y) {
  if (auto there = check_tile(info, level, x, y); !there) {
    return pass(there.error());
  }
  const Level& size = info.levels[static_cast<std::size_t>(level)];
  StoredTile tile;
  tile.visible_width = static_cast<int>(std::min<std::int64_t>(size.tile_width, size.width - x * size.tile_width));
  tile.visible_height =
      static_cast<int>(std::min<std::int64_t>(size.tile_height, size.height - y * size.tile_height));
  tile.width = tile.visible_width;
  tile.height = tile.visible_height;
  return tile;
}

}  // namespace

Result<void> check_tile(const PictureInfo& info, int level, std::int64_t x, std::int64_t y) {
  const Level* size = find_level(info, level);
  if (size == nullptr) {
    return fail(Code::not_found, "no such level");
  }
  if (x < 0 || y < 0 || x >= size->across() || y >= size->down()) {
    return fail(Code::not_found, "no such tile");
  }
  return {};
}

Result<void> check_region(const PictureInfo& info, int level, const pixel::Rect& rect) {
  const Level* size = find_level(info, level);
  if (size == nullptr) {
    return fail(Code::not_found, "no such level");
  }
  if (rect.x < 0 || rect.y < 0 || rect.width < 1 || rect.height < 1 || rect.x > size->width - rect.width ||
      rect.y > size->height - rect.height) {
    return fail(Code::bad_request, "the region is outside of the picture");
  }
  return {};
}

Result<std::optional<StoredTile>> RegionPicture::stored_tile(int level, std::int64_t x, std::int64_t y,
                                                             bool /*may_block*/) const {
  return tile_without_bytes(info(), level, x, y);
}

Result<pixel::Image> RegionPicture::decode_tile(int level, std::int64_t x, std::int64_t y,
                                                const CancelToken& cancel) const {
  const auto tile = tile_without_bytes(info(), level, x, y);
  if (!tile) {
    return pass(tile.error());
  }
  const Level& size = info().levels[static_cast<std::size_t>(level)];
  int reduction = 1;
  return decode_region(level, {x * size.tile_width, y * size.tile_height, tile->visible_width, tile->visible_height},
                       &reduction, cancel);
}

}  // namespace microtome::image
