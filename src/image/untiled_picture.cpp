// SPDX-License-Identifier: Apache-2.0
#include "image/untiled_picture.hpp"

#include <algorithm>
#include <utility>

#include "pixel/blit.hpp"

namespace microtome::image {
namespace {

constexpr std::uint64_t kBytesPerPixel = 4;  // what a pixel of the limit may take on average
constexpr double kMostlyWhole = 0.7;         // parts that cost more than this are not worth it

bool inside(const Level& level, const pixel::Rect& rect) {
  return rect.x >= 0 && rect.y >= 0 && rect.width > 0 && rect.height > 0 && rect.x <= level.width - rect.width &&
         rect.y <= level.height - rect.height;
}

std::size_t bytes_of(const PictureInfo& info, const Level& level) {
  return static_cast<std::size_t>(level.width) * level.height * info.channels * pixel::bytes_of(info.sample);
}

}  // namespace

Result<void> check_decoded(const OpenLimits& limits, std::int64_t width, std::int64_t height, int channels,
                           pixel::Sample sample) {
  const auto pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  const std::uint64_t per_pixel = static_cast<std::uint64_t>(channels) * pixel::bytes_of(sample);
  if (pixels > limits.max_decoded_pixels || pixels * per_pixel > limits.max_decoded_pixels * kBytesPerPixel) {
    return fail(
        Code::too_large, "the picture is too large to decode",
        std::to_string(width) + "x" + std::to_string(height) + ", " + std::to_string(per_pixel) + " bytes a pixel");
  }
  return {};
}

UntiledPicture::UntiledPicture(io::FilePtr file, PictureInfo info, const OpenLimits& limits)
    : file_(std::move(file)), info_(std::move(info)), limits_(limits), store_(limits.max_kept_bytes) {
  info_.levels = halving_levels(info_.width, info_.height, std::max(1, limits.default_tile));
  info_.has_tiles = false;
}

std::size_t UntiledPicture::memory() const {
  std::size_t text = 0;
  for (const auto& [name, value] : info_.text) {
    text += name.capacity() + value.capacity() + 96;  // a node of the map
  }
  return sizeof(*this) + text + (info_.icc ? info_.icc->size() : 0) + store_.memory() + own_memory();
}

Result<std::optional<StoredTile>> UntiledPicture::stored_tile(int level, std::int64_t x, std::int64_t y,
                                                              bool /*may_block*/) const {
  if (level < 0 || static_cast<std::size_t>(level) >= info_.levels.size()) {
    return fail(Code::not_found, "no such level");
  }
  const Level& size = info_.levels[level];
  if (x < 0 || y < 0 || x >= size.across() || y >= size.down()) {
    return fail(Code::not_found, "no such tile");
  }
  StoredTile tile;
  tile.visible_width = static_cast<int>(std::min<std::int64_t>(size.tile_width, size.width - x * size.tile_width));
  tile.visible_height =
      static_cast<int>(std::min<std::int64_t>(size.tile_height, size.height - y * size.tile_height));
  tile.width = tile.visible_width;
  tile.height = tile.visible_height;
  return tile;
}

Result<pixel::Image> UntiledPicture::decode_tile(int level, std::int64_t x, std::int64_t y,
                                                 const CancelToken& cancel) const {
  const auto tile = stored_tile(level, x, y, true);
  if (!tile) {
    return pass(tile.error());
  }
  const Level& size = info_.levels[level];
  int reduction = 1;
  return decode_region(level,
                       {x * size.tile_width, y * size.tile_height, (*tile)->visible_width, (*tile)->visible_height},
                       &reduction, cancel);
}

bool UntiledPicture::prefers_part(int level, const pixel::Rect& rect) const {
  const auto cost = part_cost(level, rect);
  if (!cost) {
    return false;
  }
  if (bytes_of(info_, info_.levels[level]) > store_.max_bytes() - std::min(store_.max_bytes(), store_.memory())) {
    return true;  // the whole would not be kept
  }
  if (*cost > kMostlyWhole) {
    return false;
  }
  return spent_.fetch_add(*cost) + *cost <= 1;
}

Result<pixel::Image> UntiledPicture::decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const {
  *reduction = 1;  // the levels are halves already
  if (level < 0 || static_cast<std::size_t>(level) >= info_.levels.size()) {
    return fail(Code::not_found, "no such level");
  }
  if (!inside(info_.levels[level], rect)) {
    return fail(Code::bad_request, "the region is outside of the picture");
  }
  if (cancel.cancelled()) {
    return fail(Code::cancelled, "cancelled");
  }
  LevelStore::ImagePtr whole = store_.find(level);
  if (!whole) {
    if (prefers_part(level, rect)) {
      return decode_part(level, rect, cancel);
    }
    auto made = store_.get(level, [&](int* at) { return decode_whole(at, cancel); }, cancel);
    if (!made) {
      return pass(made.error());
    }
    whole = std::move(*made);
  }
  return pixel::crop(*whole, rect);
}

}  // namespace microtome::image
