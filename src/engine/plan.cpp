// SPDX-License-Identifier: Apache-2.0
#include "engine/plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/key.hpp"

namespace microtome::engine {
namespace {

// CPU time in nanoseconds a pixel (a 256 x 256 tile has 65,536: 143 us of JPEG decoding is 2.2 ns a pixel).
constexpr double kDecodeJpeg = 2.6;
constexpr double kDecodeWebp = 8.2;
constexpr double kDecodeOther = 3.5;  // deflate, LZW, zstd, none
constexpr double kCropJpeg = 1.5;
constexpr double kScale = 1.0;      // a source pixel
constexpr double kPassthrough = 2;  // microseconds

struct EncodeCost {
  codec::Format format;
  double nanoseconds;
};
constexpr std::array<EncodeCost, 7> kEncode = {{{codec::Format::jpeg, 2.7},
                                                {codec::Format::png, 6.5},
                                                {codec::Format::webp, 23.5},
                                                {codec::Format::avif, 71.0},
                                                {codec::Format::gif, 40.0},
                                                {codec::Format::jp2, 150.0},
                                                {codec::Format::pdf, 2.7}}};

// Share of a full decode that a JPEG decode at 1, 1/2, 1/4, 1/8 takes: entropy decoding stays.
constexpr std::array<std::pair<int, double>, 4> kReduced = {{{1, 1.0}, {2, 0.77}, {4, 0.65}, {8, 0.54}}};

double encode_cost(codec::Format format) {
  const auto* const row =
      std::find_if(kEncode.begin(), kEncode.end(), [&](const auto& r) { return r.format == format; });
  return row != kEncode.end() ? row->nanoseconds : 10.0;
}

double reduced_share(int reduction) {
  const auto* const row =
      std::find_if(kReduced.begin(), kReduced.end(), [&](const auto& r) { return r.first == reduction; });
  return row != kReduced.end() ? row->second : 1.0;
}

double decode_cost(image::Stored stored) {
  switch (stored) {
    case image::Stored::jpeg:
      return kDecodeJpeg;
    case image::Stored::webp:
      return kDecodeWebp;
    case image::Stored::none:
      return kDecodeOther;
  }
  return kDecodeOther;
}

// What can be done with a stored tile that matches the asked format and quality.
struct Rule {
  image::Stored stored;
  codec::Format format;
  bool clipped;
  How how;
};
constexpr std::array<Rule, 3> kRules = {{
    {image::Stored::jpeg, codec::Format::jpeg, false, How::passthrough},
    {image::Stored::jpeg, codec::Format::jpeg, true, How::dct_crop},
    {image::Stored::webp, codec::Format::webp, false, How::passthrough},
}};

How tile_rule(codec::Format format, std::optional<int> quality, const image::StoredTile& stored,
              std::optional<int> stored_quality) {
  if (stored.empty) {
    return How::background;
  }
  const bool good_enough = !quality || (stored_quality && *stored_quality <= *quality);
  if (good_enough) {
    for (const Rule& rule : kRules) {
      if (rule.stored == stored.stored && rule.format == format && rule.clipped == stored.clipped()) {
        return rule.how;
      }
    }
  }
  return How::full_decode;
}

std::int64_t microseconds(double nanoseconds) {
  return static_cast<std::int64_t>(std::ceil(std::min(nanoseconds / 1000, 1e15)));
}

void classify(Plan& plan, std::int64_t out_pixels) {
  const bool large = plan.cost_us > kExportMicroseconds || out_pixels > kExportPixels;
  plan.work = large ? WorkClass::exporting : WorkClass::tile;
}

double whole_pixels(const image::PictureInfo& info) {
  return static_cast<double>(info.width) * static_cast<double>(info.height);
}

}  // namespace

std::string_view name_of(How how) {
  switch (how) {
    case How::passthrough:
      return "passthrough";
    case How::dct_crop:
      return "dct_crop";
    case How::background:
      return "background";
    case How::scaled_decode:
      return "scaled_decode";
    case How::full_decode:
      return "full_decode";
    case How::region:
      break;
  }
  return "region";
}

Result<void> check_tile(const image::PictureInfo& info, const TileArea& area) {
  if (area.level < 0 || static_cast<std::size_t>(area.level) >= info.levels.size()) {
    return fail(Code::not_found, "no such level");
  }
  const image::Level& level = info.levels[static_cast<std::size_t>(area.level)];
  if (area.x < 0 || area.y < 0 || area.x >= level.across() || area.y >= level.down()) {
    return fail(Code::not_found, "no such tile");
  }
  return {};
}

Plan plan_tile(const image::PictureInfo& info, const TileArea& area, codec::Format format, std::optional<int> quality,
               const image::StoredTile& stored, std::optional<int> stored_quality) {
  Plan plan;
  const image::Level& level = info.levels[static_cast<std::size_t>(area.level)];
  const double pixels = static_cast<double>(level.tile_width) * level.tile_height;
  const double bytes = pixels * info.channels * pixel::bytes_of(info.sample);
  plan.how = tile_rule(format, quality, stored, stored_quality);
  switch (plan.how) {
    case How::passthrough:
      plan.cost_us = static_cast<std::int64_t>(kPassthrough);
      return plan;
    case How::dct_crop:
      plan.cost_us = microseconds(pixels * kCropJpeg);
      plan.memory_bytes = static_cast<std::uint64_t>(pixels * 2 * 3);  // coefficients of 16 bits, subsampled at best
      break;
    case How::background:
      plan.cost_us = microseconds(pixels * encode_cost(format));
      plan.memory_bytes = static_cast<std::uint64_t>(pixels * 3);
      break;
    default: {
      // A source without tiles decodes the whole for its first tile; the reader may keep it for the next ones.
      const double decoded = info.has_tiles ? pixels : std::max(pixels, whole_pixels(info));
      plan.cost_us = microseconds(decoded * decode_cost(stored.stored) + pixels * encode_cost(format));
      plan.memory_bytes = static_cast<std::uint64_t>(decoded / pixels * bytes + pixels * 4);
    }
  }
  classify(plan, static_cast<std::int64_t>(pixels));
  return plan;
}

Result<Plan> plan_area(const image::PictureInfo& info, const RegionArea& area, codec::Format format) {
  Result<RegionPlan> region = plan_region(info, area);
  if (!region) {
    return pass(region.error());
  }
  Plan plan;
  plan.region = *region;
  plan.how = region->reduction > 1 ? How::scaled_decode : How::region;
  plan.memory_bytes = region->memory_bytes;
  const double out = static_cast<double>(area.out_width) * area.out_height;
  const double share = reduced_share(region->reduction);
  const double reduced = static_cast<double>(region->decode.width) * static_cast<double>(region->decode.height) /
                         (region->reduction * region->reduction);
  plan.cost_us = microseconds(static_cast<double>(region->decoded_pixels) * kDecodeJpeg * share + reduced * kScale +
                              out * encode_cost(format));
  classify(plan, static_cast<std::int64_t>(area.out_width) * area.out_height);
  return plan;
}

PixelRequest canonical(const image::PictureInfo& info, PixelRequest request) {
  auto* area = std::get_if<RegionArea>(&request.area);
  if (area == nullptr) {
    return request;
  }
  for (std::size_t i = 0; i < info.levels.size(); ++i) {
    const image::Level& level = info.levels[i];
    const double down_x = static_cast<double>(info.width) / static_cast<double>(level.width);
    const double down_y = static_cast<double>(info.height) / static_cast<double>(level.height);
    const double column = std::round(area->x / down_x / level.tile_width);
    const double row = std::round(area->y / down_y / level.tile_height);
    if (!(column >= 0 && column < static_cast<double>(level.across()) && row >= 0 &&
          row < static_cast<double>(level.down()))) {
      continue;
    }
    // The tile's own rectangle; level sizes are rounded, so it may differ by less than one of the level's pixels.
    const double x = column * level.tile_width;
    const double y = row * level.tile_height;
    const double right = std::min(x + level.tile_width, static_cast<double>(level.width));
    const double bottom = std::min(y + level.tile_height, static_cast<double>(level.height));
    const bool same_size =
        area->out_width == static_cast<int>(right - x) && area->out_height == static_cast<int>(bottom - y);
    const auto near = [](double one, double other) { return std::abs(one - other) < 1.0; };
    if (same_size && near(area->x / down_x, x) && near(area->y / down_y, y) &&
        near((area->x + area->width) / down_x, right) && near((area->y + area->height) / down_y, bottom)) {
      request.area = TileArea{static_cast<int>(i), static_cast<std::int64_t>(column), static_cast<std::int64_t>(row)};
      return request;
    }
  }
  return request;
}

namespace {

enum class Demand : std::uint8_t {
  usual,  // what a lossy pyramid is made for
  fine,   // a quality above the pyramid's was asked for
  exact,  // no loss
};

Demand demand_of(const PixelRequest& request, const EngineOptions& options) {
  constexpr int kPyramidQuality = 90;
  const int quality = effective_quality(request.format, request.quality, options);
  const Demand lossy = request.quality && quality > kPyramidQuality ? Demand::fine : Demand::usual;
  switch (request.format) {
    case codec::Format::jpeg:
    case codec::Format::pdf:
    case codec::Format::jp2:
      return lossy;
    case codec::Format::webp:
    case codec::Format::avif:
      return quality < 0 ? Demand::exact : lossy;
    case codec::Format::tiff: {
      const bool exact =
          request.compression != codec::TiffCompression::jpeg && request.compression != codec::TiffCompression::webp;
      return exact ? Demand::exact : lossy;
    }
    default:
      return Demand::exact;
  }
}

bool near_full_size(const PixelRequest& request) {
  if (const auto* tile = std::get_if<TileArea>(&request.area)) {
    return tile->level == 0;
  }
  const auto& region = std::get<RegionArea>(request.area);
  return 2.0 * region.out_width > region.width || 2.0 * region.out_height > region.height;
}

}  // namespace

bool needs_original(const image::PictureInfo& original, const PixelRequest& request, const EngineOptions& options) {
  switch (demand_of(request, options)) {
    case Demand::usual:
      return false;
    case Demand::exact:
      return !original.lossy || near_full_size(request);
    case Demand::fine:
      break;
  }
  return near_full_size(request);
}

}  // namespace microtome::engine
