// SPDX-License-Identifier: Apache-2.0
#include "engine/region.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "pixel/blit.hpp"

namespace microtome::engine {
namespace {

// Level sizes are rounded, so a level may miss the wanted resolution by a hair and still be the right one.
constexpr double kSlack = 1.005;
constexpr double kSmallest = 1e-3;                // pixels: less is no rectangle
constexpr std::int64_t kBandPixels = 16LL << 20;  // decoded at a time
constexpr std::int64_t kBandTileRows = 4;         // at least: bands decode the tiles at their seams twice

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

pixel::Image canvas(const RegionArea& area, const pixel::Image& like, pixel::Rgb8 background) {
  pixel::Image image = pixel::Image::make(area.out_width, area.out_height, like.channels, like.colour);
  std::array<std::uint8_t, 4> colour = {background.red, background.green, background.blue, 0};
  if (like.colour == pixel::Colour::grey || like.colour == pixel::Colour::grey_alpha) {
    colour = {
        static_cast<std::uint8_t>((299 * background.red + 587 * background.green + 114 * background.blue) / 1000), 0,
        0, 0};
  }
  pixel::fill(image, {0, 0, area.out_width, area.out_height},
              {colour.data(), static_cast<std::size_t>(like.channels)});
  return image;
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
    return plan;  // all background
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
  const std::int64_t rows = std::max(kBandPixels * static_cast<std::int64_t>(reduced) / plan.decode.width,
                                     kBandTileRows * level.tile_height);
  plan.bands =
      static_cast<int>(std::clamp<std::int64_t>((plan.decode.height + rows - 1) / rows, 1, plan.target.height));
  plan.memory_bytes =
      plan.decoded_pixels * pixel_bytes / reduced / static_cast<std::uint64_t>(plan.bands) + out_bytes;
  return plan;
}

pixel::Image for_display(pixel::Image image, int bits, pixel::Rgb8 background, bool keep_alpha) {
  if (image.sample == pixel::Sample::u16 && bits > 8 && bits < 16) {
    image = pixel::to_u8(image, {0, static_cast<double>((1 << bits) - 1)});
  } else if (image.sample != pixel::Sample::u8) {
    image = pixel::to_u8(image);
  }
  switch (image.colour) {
    case pixel::Colour::grey:
    case pixel::Colour::rgb:
      return image;
    case pixel::Colour::grey_alpha:
      if (!keep_alpha) {
        return pixel::compose(image, background);
      }
      return pixel::to_rgba(image);  // what PNG and WebP writers all take
    case pixel::Colour::rgba:
      return keep_alpha ? std::move(image) : pixel::compose(image, background);
    case pixel::Colour::multi:
      return image.channels >= 3 ? pixel::to_rgb(image) : pixel::to_grey(image);
    case pixel::Colour::cmyk:
    case pixel::Colour::lab:
      return pixel::to_rgb(image);
  }
  return image;
}

namespace {

// One band: rows [first, last) of the target.
Result<pixel::Image> render_band(const image::Picture& picture, const RegionPlan& plan, std::int64_t first,
                                 std::int64_t last, pixel::Rgb8 background, bool keep_alpha,
                                 const CancelToken& cancel) {
  const image::PictureInfo& info = picture.info();
  const double step = plan.source.height / static_cast<double>(plan.target.height);
  pixel::SourceRect from = plan.source;
  from.y += step * static_cast<double>(first);
  from.height = step * static_cast<double>(last - first);
  const image::Level& level = info.levels[static_cast<std::size_t>(plan.level)];
  const auto [y0, y1] = cover(from.y, from.y + from.height, level.height, plan.reduction, step < 1);
  const pixel::Rect decode{plan.decode.x, y0, plan.decode.width, y1 - y0};
  int reduction = plan.reduction;
  Result<pixel::Image> decoded = picture.decode_region(plan.level, decode, &reduction, cancel);
  if (!decoded) {
    return decoded;
  }
  if (reduction < 1 || decoded->width <= 0 || decoded->height <= 0) {
    return fail(Code::internal, "the picture cannot be read", "decode_region gave no pixels");
  }
  const auto reduced = static_cast<double>(reduction);
  from = {(from.x - static_cast<double>(decode.x)) / reduced, (from.y - static_cast<double>(decode.y)) / reduced,
          from.width / reduced, from.height / reduced};
  const auto width = static_cast<int>(plan.target.width);
  const auto height = static_cast<int>(last - first);
  const bool exact = from.x == 0 && from.y == 0 && from.width == width && from.height == height &&
                     decoded->width == width && decoded->height == height;
  if (!exact) {
    decoded = pixel::scale(*decoded, from, width, height);
    if (!decoded) {
      return decoded;
    }
  }
  return for_display(std::move(*decoded), info.bits, background, keep_alpha);
}

}  // namespace

Result<pixel::Image> render_region(const image::Picture& picture, const RegionArea& area, const RegionPlan& plan,
                                   pixel::Rgb8 background, bool keep_alpha, const CancelToken& cancel) {
  if (plan.target.width <= 0 || plan.target.height <= 0) {
    const pixel::Image like = pixel::Image::make(1, 1, 3, pixel::Colour::rgb);
    return canvas(area, like, background);
  }
  const bool whole = plan.target.width == area.out_width && plan.target.height == area.out_height;
  pixel::Image out;
  for (int band = 0; band < plan.bands; ++band) {
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "nobody waits any more");
    }
    const std::int64_t first = plan.target.height * band / plan.bands;
    const std::int64_t last = plan.target.height * (band + 1) / plan.bands;
    Result<pixel::Image> part = render_band(picture, plan, first, last, background, keep_alpha, cancel);
    if (!part || (whole && plan.bands == 1)) {
      return part;
    }
    if (out.data.empty()) {
      out = canvas(area, *part, background);
    }
    pixel::paste(out, *part, plan.target.x, plan.target.y + first);
  }
  return out;
}

}  // namespace microtome::engine
