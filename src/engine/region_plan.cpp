// SPDX-License-Identifier: Apache-2.0
// Which level a region is read from, which of its pixels, and how they become those of the answer.
#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/region.hpp"
#include "engine/region_bands.hpp"

namespace microtome::engine {
namespace {

// Level sizes are rounded, so a level may miss the wanted resolution by a hair and still be the right one.
constexpr double kSlack = 1.005;
constexpr double kSmallest = 1e-3;  // pixels: less is no rectangle

struct Span {  // one axis
  double from = 0;
  double to = 0;
  std::int64_t target_from = 0;
  std::int64_t target_to = 0;
};

// Where [start, start + length) of `size` level pixels falls on `out` output pixels. An output pixel belongs to the
// picture when its larger half does, so that the seam is sharp and the mapping exact to half an output pixel.
Span fit(double start, double length, double size, int out) {
  Span span;
  const double scale = out / length;
  const double from = std::clamp(-start, 0.0, length);
  const double to = std::clamp(size - start, 0.0, length);
  span.target_from = std::llround(from * scale);
  span.target_to = std::llround(to * scale);
  span.from = std::clamp(start + static_cast<double>(span.target_from) / scale, 0.0, size);
  span.to = std::clamp(start + static_cast<double>(span.target_to) / scale, 0.0, size);
  return span;
}

int choose_level(const image::PictureInfo& info, double want_x, double want_y) {
  int best = 0;
  double best_down = 1;
  for (std::size_t i = 1; i < info.levels.size(); ++i) {
    const double down_x = static_cast<double>(info.width) / static_cast<double>(info.levels[i].width);
    const double down_y = static_cast<double>(info.height) / static_cast<double>(info.levels[i].height);
    if (down_x <= want_x * kSlack && down_y <= want_y * kSlack && std::max(down_x, down_y) > best_down) {
      best = static_cast<int>(i);
      best_down = std::max(down_x, down_y);
    }
  }
  return best;
}

// One axis of a sampled region: whole pixels of a level. Levels are counted as exact halves, whatever they round to.
struct Pixels {
  std::int64_t from = 0;
  std::int64_t count = 0;
};
Pixels whole_pixels(double start, double length, std::int64_t full, std::int64_t size) {
  const double ratio = static_cast<double>(full) / static_cast<double>(size);
  const double halves = std::exp2(std::round(std::log2(ratio)));
  const double down = std::abs(static_cast<double>(full) / halves - static_cast<double>(size)) <= 1 ? halves : ratio;
  Pixels pixels;
  pixels.from = std::clamp<std::int64_t>(std::llround(start / down), 0, size - 1);
  pixels.count = std::clamp<std::int64_t>(std::llround(length / down), 1, size - pixels.from);
  return pixels;
}

// The smallest level whose pixels of the region are enough. False when the region must be averaged.
bool plan_samples(const image::PictureInfo& info, const RegionArea& area, RegionPlan& plan) {
  const bool inside = area.x >= 0 && area.y >= 0 && area.x + area.width <= static_cast<double>(info.width) &&
                      area.y + area.height <= static_cast<double>(info.height);
  if (area.sampling == Sampling::averaged || !inside) {
    return false;
  }
  for (std::size_t i = info.levels.size(); i-- > 0;) {
    const Pixels x = whole_pixels(area.x, area.width, info.width, info.levels[i].width);
    const Pixels y = whole_pixels(area.y, area.height, info.height, info.levels[i].height);
    if (i > 0 && (x.count < area.out_width || y.count < area.out_height)) {
      continue;
    }
    if (x.count >= 2LL * area.out_width || y.count >= 2LL * area.out_height) {
      return false;
    }
    plan.level = static_cast<int>(i);
    // Pixel for pixel all are the same; boxes need no neighbours.
    const bool as_stored = x.count == area.out_width && y.count == area.out_height;
    plan.filter = as_stored                            ? pixel::Filter::box
                  : area.sampling == Sampling::nearest ? pixel::Filter::nearest
                                                       : pixel::Filter::corner;
    plan.target = {0, 0, area.out_width, area.out_height};
    plan.decode = {x.from, y.from, x.count, y.count};
    plan.source = {static_cast<double>(x.from), static_cast<double>(y.from), static_cast<double>(x.count),
                   static_cast<double>(y.count)};
    return true;
  }
  return false;
}

int choose_reduction(double left_over) {
  for (const int reduction : {8, 4, 2}) {
    if (left_over * kSlack >= reduction) {
      return reduction;
    }
  }
  return 1;
}

// Whole pixels around [from, to), aligned to `step`, with one more on each side where bilinear enlarging looks at it.
std::pair<std::int64_t, std::int64_t> cover(double from, double to, std::int64_t size, std::int64_t step,
                                            bool enlarged) {
  const std::int64_t margin = enlarged ? 1 : 0;
  const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(from)) - margin);
  const auto last = std::min(size, static_cast<std::int64_t>(std::ceil(to)) + margin);
  return {first / step * step, std::min(size, (last + step - 1) / step * step)};
}

std::uint64_t tile_pixels(const pixel::Rect& rect, const image::Level& level) {
  const auto across = (rect.x + rect.width - 1) / level.tile_width - rect.x / level.tile_width + 1;
  const auto down = (rect.y + rect.height - 1) / level.tile_height - rect.y / level.tile_height + 1;
  return static_cast<std::uint64_t>(across * down) *
         (static_cast<std::uint64_t>(level.tile_width) * static_cast<std::uint64_t>(level.tile_height));
}

// False when the picture covers none of the region.
bool plan_average(const image::PictureInfo& info, const RegionArea& area, RegionPlan& plan) {
  const double want_x = area.width / area.out_width;
  const double want_y = area.height / area.out_height;
  plan.level = choose_level(info, want_x, want_y);
  const image::Level& level = info.levels[static_cast<std::size_t>(plan.level)];
  const double down_x = static_cast<double>(info.width) / static_cast<double>(level.width);
  const double down_y = static_cast<double>(info.height) / static_cast<double>(level.height);
  const Span across = fit(area.x / down_x, area.width / down_x, static_cast<double>(level.width), area.out_width);
  const Span down = fit(area.y / down_y, area.height / down_y, static_cast<double>(level.height), area.out_height);
  if (across.target_to <= across.target_from || down.target_to <= down.target_from || across.to <= across.from ||
      down.to <= down.from) {
    return false;
  }
  plan.target = {across.target_from, down.target_from, across.target_to - across.target_from,
                 down.target_to - down.target_from};
  plan.source = {across.from, down.from, across.to - across.from, down.to - down.from};
  const double left_x = plan.source.width / static_cast<double>(plan.target.width);
  const double left_y = plan.source.height / static_cast<double>(plan.target.height);
  plan.reduction = choose_reduction(std::min(left_x, left_y));
  const auto [x0, x1] = cover(across.from, across.to, level.width, plan.reduction, left_x < 1);
  const auto [y0, y1] = cover(down.from, down.to, level.height, plan.reduction, left_y < 1);
  plan.decode = {x0, y0, x1 - x0, y1 - y0};
  return true;
}

}  // namespace

Result<RegionPlan> plan_region(const image::PictureInfo& info, const RegionArea& area) {
  for (const double number : {area.x, area.y, area.width, area.height}) {
    if (!std::isfinite(number) || std::abs(number) > 1e12) {
      return fail(Code::bad_request, "the region is not a rectangle");
    }
  }
  if (area.width < kSmallest || area.height < kSmallest || area.out_width <= 0 || area.out_height <= 0) {
    return fail(Code::bad_request, "the region is empty");
  }
  RegionPlan plan;
  if (!plan_samples(info, area, plan) && !plan_average(info, area, plan)) {
    return plan;  // all background
  }
  const image::Level& level = info.levels[static_cast<std::size_t>(plan.level)];
  const std::uint64_t out_bytes = 2ULL * 4 * static_cast<std::uint64_t>(area.out_width) *
                                  static_cast<std::uint64_t>(area.out_height);  // the canvas and a scaled part of it
  const std::uint64_t pixel_bytes =
      static_cast<std::uint64_t>(info.channels) * static_cast<std::uint64_t>(pixel::bytes_of(info.sample));
  const auto reduced = static_cast<std::uint64_t>(plan.reduction) * static_cast<std::uint64_t>(plan.reduction);
  if (!info.has_tiles) {  // every access decodes the whole: bands would do it again and again
    plan.decoded_pixels = static_cast<std::uint64_t>(info.width) * static_cast<std::uint64_t>(info.height);
    plan.memory_bytes = plan.decoded_pixels * pixel_bytes / reduced + out_bytes;
    return plan;
  }
  plan.decoded_pixels = tile_pixels(plan.decode, level);
  plan.band_rows = std::max<std::int64_t>(1, kBandRows / level.tile_height) * level.tile_height;
  const double share = std::min(1.0, 2.0 * static_cast<double>(plan.band_rows + level.tile_height) /
                                         static_cast<double>(plan.decode.height));  // two bands, and their tiles
  const std::uint64_t all_bytes = plan.decoded_pixels * pixel_bytes / reduced;
  plan.memory_bytes = static_cast<std::uint64_t>(share * static_cast<double>(all_bytes)) + out_bytes;
  return plan;
}

}  // namespace microtome::engine
