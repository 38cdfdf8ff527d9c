// SPDX-License-Identifier: Apache-2.0
#include "image/untiled_picture.hpp"

#include <algorithm>
#include <utility>

#include "image/grid.hpp"
#include "pixel/blit.hpp"

namespace microtome::image {
namespace {

constexpr std::uint64_t kBytesPerPixel = 4;  // what a pixel of the limit may take on average
constexpr double kMostlyWhole = 0.7;         // parts that cost more than this are not worth it

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

Result<RowReaderPtr> UntiledPicture::rows(std::uint64_t max_bytes) const {
  if (bytes_of(info_, info_.levels.front()) > max_bytes) {
    return fail(Code::too_large, "the picture is too large to decode", file_->path());
  }
  int level = 0;
  auto whole = decode_whole(&level, {});
  return whole ? Result<RowReaderPtr>(rows_of(std::move(*whole))) : pass(whole.error());
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
  if (auto inside = check_region(info_, level, rect); !inside) {
    return pass(inside.error());
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
