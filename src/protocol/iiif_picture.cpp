// SPDX-License-Identifier: Apache-2.0
#include "protocol/iiif_picture.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace microtome::protocol {
namespace {

struct Size {
  std::int64_t width = 0;
  std::int64_t height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

std::int64_t rounded(double value) {
  constexpr double kMost = 1e15;
  return static_cast<std::int64_t>(std::floor(std::min(value, kMost) + 0.5));
}

std::int64_t at_least_one(double value) {
  return std::max<std::int64_t>(1, rounded(value));
}

Result<pixel::Rect> region_of(const IiifRegion& region, const image::PictureInfo& info) {
  pixel::Rect rect{0, 0, info.width, info.height};
  switch (region.kind) {
    case IiifRegion::Kind::full:
      return rect;
    case IiifRegion::Kind::square: {
      const std::int64_t side = std::min(info.width, info.height);
      return pixel::Rect{(info.width - side) / 2, (info.height - side) / 2, side, side};
    }
    case IiifRegion::Kind::pixels:
      rect = {rounded(region.x), rounded(region.y), rounded(region.width), rounded(region.height)};
      break;
    case IiifRegion::Kind::percent: {
      constexpr double kAll = 100;
      if (region.x >= kAll || region.y >= kAll) {
        return fail(Code::bad_request, "IIIF: the region lies outside the picture");
      }
      const auto width = static_cast<double>(info.width) / kAll;
      const auto height = static_cast<double>(info.height) / kAll;
      rect = {std::min(rounded(region.x * width), info.width - 1),
              std::min(rounded(region.y * height), info.height - 1), at_least_one(region.width * width),
              at_least_one(region.height * height)};
    }
  }
  if (rect.x >= info.width || rect.y >= info.height) {
    return fail(Code::bad_request, "IIIF: the region lies outside the picture");
  }
  rect.width = std::min(rect.width, info.width - rect.x);
  rect.height = std::min(rect.height, info.height - rect.y);
  return rect;
}

double ratio(std::int64_t one, std::int64_t other) {
  return static_cast<double>(one) / static_cast<double>(other);
}

// The largest scale that the limits allow.
double limit_scale(const pixel::Rect& rect, const IiifLimits& limits) {
  const double area = static_cast<double>(rect.width) * static_cast<double>(rect.height);
  return std::min({ratio(limits.width, rect.width), ratio(limits.height, rect.height),
                   std::sqrt(static_cast<double>(limits.area) / area)});
}

// Rounded, but never beyond the limits.
Size scaled(const pixel::Rect& rect, double scale, const IiifLimits& limits) {
  Size size{std::min(at_least_one(static_cast<double>(rect.width) * scale), limits.width),
            std::min(at_least_one(static_cast<double>(rect.height) * scale), limits.height)};
  while (size.width * size.height > limits.area) {
    std::int64_t& longer = size.width >= size.height ? size.width : size.height;
    --longer;
  }
  return size;
}

Size largest(const pixel::Rect& rect, bool upscale, const IiifLimits& limits) {
  const double limit = limit_scale(rect, limits);
  return scaled(rect, upscale ? limit : std::min(1.0, limit), limits);
}

Size confined(const IiifSize& size, const pixel::Rect& rect, bool upscale, const IiifLimits& limits) {
  double scale =
      std::min({ratio(size.width, rect.width), ratio(size.height, rect.height), limit_scale(rect, limits)});
  if (!upscale) {
    scale = std::min(1.0, scale);
  }
  const IiifLimits box{std::min(size.width, limits.width), std::min(size.height, limits.height), limits.area};
  return scaled(rect, scale, box);
}

std::int64_t follow(std::int64_t side, std::int64_t of, std::int64_t other) {
  return at_least_one(ratio(side, of) * static_cast<double>(other));
}

std::unexpected<Error> enlarging_refused(const IiifLimits& limits) {
  return fail(Code::bad_request, limits.upscaling ? "IIIF: enlarging needs ^" : "IIIF: this server does not enlarge");
}

Result<Size> size_of(const IiifSize& asked, bool upscale, const pixel::Rect& rect, const IiifLimits& limits) {
  Size size{rect.width, rect.height};
  switch (asked.kind) {
    case IiifSize::Kind::full:
      break;
    case IiifSize::Kind::max:
      return largest(rect, asked.upscale && limits.upscaling, limits);
    case IiifSize::Kind::confined:
      return confined(asked, rect, upscale, limits);
    case IiifSize::Kind::width:
      size = {asked.width, follow(asked.width, rect.width, rect.height)};
      break;
    case IiifSize::Kind::height:
      size = {follow(asked.height, rect.height, rect.width), asked.height};
      break;
    case IiifSize::Kind::percent:
      size = {rounded(asked.percent / 100 * static_cast<double>(rect.width)),
              rounded(asked.percent / 100 * static_cast<double>(rect.height))};
      if (!upscale && asked.percent > 100) {
        return enlarging_refused(limits);
      }
      break;
    case IiifSize::Kind::exact:
      size = {asked.width, asked.height};
  }
  const bool enlarges = (asked.width > rect.width) || (asked.height > rect.height);
  if (enlarges && !upscale) {
    return enlarging_refused(limits);
  }
  if (size.width < 1 || size.height < 1) {
    return fail(Code::bad_request, "IIIF: the size is below one pixel");
  }
  if (size.width > limits.width || size.height > limits.height || (limits.area / size.width < size.height)) {
    return fail(Code::bad_request, "IIIF: the size is beyond this server's limits");
  }
  return size;
}

// A client that names one side of a stored tile gets the tile: the sides of levels are rounded, so the other one may
// differ from what its aspect says, by as much as one pixel of the named side makes of it.
Size snapped(Size size, const IiifSize& asked, const pixel::Rect& rect, const image::PictureInfo& info,
             const IiifLimits& limits) {
  const auto near = [](double one, double other) { return std::abs(one - other) < 1.0; };
  const bool both = asked.kind == IiifSize::Kind::percent || asked.kind == IiifSize::Kind::confined;
  const bool by_height = asked.kind == IiifSize::Kind::height && size.height != rect.height;
  const bool by_width = asked.kind == IiifSize::Kind::width && size.width != rect.width;
  const std::int64_t width_off = both ? 1 : by_height ? size.width / size.height + 1 : 0;
  const std::int64_t height_off = both ? 1 : by_width ? size.height / size.width + 1 : 0;
  const auto fits = [](std::int64_t wanted, std::int64_t has, std::int64_t off, std::int64_t box) {
    return has >= 1 && std::abs(wanted - has) <= off && has <= box;
  };
  const bool boxed = asked.kind == IiifSize::Kind::confined;
  for (const image::Level& level : info.levels) {
    const double down_x = ratio(info.width, level.width);
    const double down_y = ratio(info.height, level.height);
    const std::int64_t x = rounded(static_cast<double>(rect.x) / down_x / level.tile_width) * level.tile_width;
    const std::int64_t y = rounded(static_cast<double>(rect.y) / down_y / level.tile_height) * level.tile_height;
    const std::int64_t right = std::min(x + level.tile_width, level.width);
    const std::int64_t bottom = std::min(y + level.tile_height, level.height);
    const auto at = [](std::int64_t side, double down) { return static_cast<double>(side) / down; };
    if (fits(size.width, right - x, width_off, boxed ? std::min(asked.width, limits.width) : limits.width) &&
        fits(size.height, bottom - y, height_off, boxed ? std::min(asked.height, limits.height) : limits.height) &&
        near(at(rect.x, down_x), static_cast<double>(x)) && near(at(rect.y, down_y), static_cast<double>(y)) &&
        (right - x) * (bottom - y) <= limits.area &&
        near(at(rect.x + rect.width, down_x), static_cast<double>(right)) &&
        near(at(rect.y + rect.height, down_y), static_cast<double>(bottom))) {
      return {right - x, bottom - y};
    }
  }
  return size;
}

// A box beyond the region on both sides. The text of 3.0 gives the region itself, but its validator, iipsrv and
// Cantaloupe take it for enlarging that lacks its "^"; whoever names no version gets what the text says.
bool wants_larger(const IiifSize& size, IiifVersion version, const pixel::Rect& rect) {
  return version == IiifVersion::three && size.kind == IiifSize::Kind::confined && !size.upscale &&
         size.width > rect.width && size.height > rect.height;
}

std::string pair_of(std::int64_t one, std::int64_t other) {
  return std::to_string(one) + "," + std::to_string(other);
}

std::string canonical_size(Size size, IiifVersion version, const pixel::Rect& rect, const IiifLimits& limits) {
  if (version == IiifVersion::one || version == IiifVersion::two) {
    if (size == Size{rect.width, rect.height}) {
      return "full";
    }
    const bool keeps = size.height == follow(size.width, rect.width, rect.height);
    return keeps ? std::to_string(size.width) + "," : pair_of(size.width, size.height);
  }
  if (size == largest(rect, false, limits)) {
    return "max";
  }
  if (size.width <= rect.width && size.height <= rect.height) {
    return pair_of(size.width, size.height);
  }
  return size == largest(rect, true, limits) ? "^max" : "^" + pair_of(size.width, size.height);
}

std::string canonical_rotation(const IiifImage& image) {
  std::array<char, 64> text{};
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), image.rotation, std::chars_format::fixed);
  return (image.mirror ? "!" : "") + (error == std::errc() ? std::string(text.data(), end) : "0");
}

}  // namespace

bool iiif_is_grey(const image::PictureInfo& info) {
  return info.colour == pixel::Colour::grey || info.colour == pixel::Colour::grey_alpha;
}

std::int64_t iiif_scale_factor(const image::PictureInfo& info, std::size_t index) {
  const image::Level& level = info.levels[index];
  const double down = std::max({1.0, ratio(info.width, level.width), ratio(info.height, level.height)});
  const auto is = [&](std::int64_t factor) {
    const auto one = [factor](std::int64_t full, std::int64_t side) {
      return side == std::max<std::int64_t>(1, full / factor) || side == (full + factor - 1) / factor;
    };
    return one(info.width, level.width) && one(info.height, level.height);
  };
  // A side of 98 pixels does not tell 1020 from 1024: a power of two is what is meant, where one fits.
  const std::int64_t power = std::int64_t{1} << std::min<std::int64_t>(rounded(std::log2(down)), 40);
  if (is(power)) {
    return power;
  }
  return is(rounded(down)) ? rounded(down) : 0;
}

Result<IiifPicture> make_iiif_picture(const IiifImage& image, IiifVersion version, const image::PictureInfo& info,
                                      const IiifLimits& limits) {
  const auto rect = region_of(image.region, info);
  if (!rect) {
    return pass(rect.error());
  }
  const bool upscale =
      limits.upscaling && (version == IiifVersion::one || version == IiifVersion::two || image.size.upscale);
  if (wants_larger(image.size, version, *rect)) {
    return fail(Code::bad_request, "IIIF: enlarging needs ^");
  }
  auto size = size_of(image.size, upscale, *rect, limits);
  if (!size) {
    return pass(size.error());
  }
  *size = snapped(*size, image.size, *rect, info, limits);
  IiifPicture made;
  engine::RegionArea area;
  area.x = static_cast<double>(rect->x);
  area.y = static_cast<double>(rect->y);
  area.width = static_cast<double>(rect->width);
  area.height = static_cast<double>(rect->height);
  area.out_width = static_cast<int>(size->width);
  area.out_height = static_cast<int>(size->height);
  made.request.area = area;
  made.request.format = image.format;
  made.request.look.mirror = image.mirror;
  made.request.look.rotation = image.rotation;
  std::string quality = version == IiifVersion::one ? "native" : "default";
  if (image.quality == IiifQuality::bitonal) {
    made.request.look.tone = engine::Look::Tone::bitonal;
    quality = "bitonal";
  } else if (image.quality == IiifQuality::gray && !iiif_is_grey(info)) {
    made.request.look.tone = engine::Look::Tone::grey;
    quality = version == IiifVersion::one ? "grey" : "gray";
  }
  const bool whole = rect->width == info.width && rect->height == info.height;
  made.canonical =
      (whole ? std::string("full") : pair_of(rect->x, rect->y) + "," + pair_of(rect->width, rect->height)) + "/" +
      canonical_size(*size, version, *rect, limits) + "/" + canonical_rotation(image) + "/" + quality + "." +
      std::string(iiif_extension(image.format));
  return made;
}

}  // namespace microtome::protocol
