// SPDX-License-Identifier: Apache-2.0
#include "protocol/iiif_request.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "codec/encode.hpp"
#include "http/uri.hpp"
#include "protocol/numbers.hpp"

namespace microtome::protocol {
namespace {

constexpr double kWhole = 360;
constexpr std::size_t kParts = 4;

struct Extension {
  std::string_view name;
  codec::Format format;
};
constexpr std::array<Extension, 8> kExtensions{{{"jpg", codec::Format::jpeg},
                                                {"png", codec::Format::png},
                                                {"webp", codec::Format::webp},
                                                {"tif", codec::Format::tiff},
                                                {"gif", codec::Format::gif},
                                                {"avif", codec::Format::avif},
                                                {"jp2", codec::Format::jp2},
                                                {"pdf", codec::Format::pdf}}};

std::unexpected<Error> wrong(std::string_view what) {
  return fail(Code::bad_request, "IIIF: the " + std::string(what) + " is not valid");
}

bool only(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.size() <= kMostNumberLength &&
         text.find_first_not_of(allowed) == std::string_view::npos;
}

// Digits only. Numbers beyond all pictures are kept as one that is beyond them too.
std::optional<std::int64_t> whole(std::string_view text) {
  if (!only(text, "0123456789")) {
    return std::nullopt;
  }
  constexpr std::int64_t kBeyond = 1LL << 40;
  return std::min(parse_int(text).value_or(kBeyond), kBeyond);
}

// Digits with at most one point: no sign, no exponent.
std::optional<double> decimal(std::string_view text) {
  if (!only(text, "0123456789.") || std::ranges::count(text, '.') > 1 || text == ".") {
    return std::nullopt;
  }
  return parse_real(text);
}

// Cuts "a,b,c,d".
std::optional<std::array<std::string_view, 4>> four(std::string_view text) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t comma = text.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == parts.size())) {
      return std::nullopt;
    }
    parts[i] = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parts;
}

}  // namespace

Result<IiifRegion> parse_iiif_region(std::string_view text) {
  IiifRegion region;
  if (text == "full") {
    return region;
  }
  if (text == "square") {
    region.kind = IiifRegion::Kind::square;
    return region;
  }
  constexpr std::string_view kPercent = "pct:";
  const bool percent = text.starts_with(kPercent);
  region.kind = percent ? IiifRegion::Kind::percent : IiifRegion::Kind::pixels;
  const auto parts = four(percent ? text.substr(kPercent.size()) : text);
  if (!parts) {
    return wrong("region");
  }
  std::array<double, 4> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::optional<double> number = percent ? decimal((*parts)[i]) : std::optional<double>(whole((*parts)[i]));
    if (!number) {
      return wrong("region");
    }
    numbers[i] = static_cast<double>(*number);
  }
  region.x = numbers[0];
  region.y = numbers[1];
  region.width = numbers[2];
  region.height = numbers[3];
  if (region.width <= 0 || region.height <= 0) {
    return fail(Code::bad_request, "IIIF: the region is empty");
  }
  return region;
}

Result<IiifSize> parse_iiif_size(std::string_view text, IiifVersion version) {
  IiifSize size;
  if (text == "full" && version != IiifVersion::three) {
    size.kind = IiifSize::Kind::full;
    return size;
  }
  if (text.starts_with('^') && version != IiifVersion::two && version != IiifVersion::one) {
    size.upscale = true;
    text.remove_prefix(1);
  }
  if (text == "max") {
    return size;
  }
  constexpr std::string_view kPercent = "pct:";
  if (text.starts_with(kPercent)) {
    const auto percent = decimal(text.substr(kPercent.size()));
    if (!percent || *percent <= 0) {
      return wrong("size");
    }
    size.kind = IiifSize::Kind::percent;
    size.percent = *percent;
    return size;
  }
  const bool confined = text.starts_with('!');
  text.remove_prefix(confined ? 1 : 0);
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) {
    return wrong("size");
  }
  const std::string_view first = text.substr(0, comma);
  const std::string_view second = text.substr(comma + 1);
  const auto width = whole(first);
  const auto height = whole(second);
  if ((!width && !first.empty()) || (!height && !second.empty()) || (!width && !height) ||
      (confined && (!width || !height)) || width == 0 || height == 0) {
    return wrong("size");
  }
  size.width = width.value_or(0);
  size.height = height.value_or(0);
  size.kind = confined              ? IiifSize::Kind::confined
              : !height.has_value() ? IiifSize::Kind::width
              : !width.has_value()  ? IiifSize::Kind::height
                                    : IiifSize::Kind::exact;
  return size;
}

Result<void> parse_iiif_rotation(std::string_view text, IiifImage& image) {
  image.mirror = text.starts_with('!');
  text.remove_prefix(image.mirror ? 1 : 0);
  const auto degrees = decimal(text);
  if (!degrees || *degrees > kWhole) {
    return wrong("rotation");
  }
  image.rotation = *degrees == kWhole ? 0 : *degrees;
  return {};
}

Result<void> parse_iiif_quality(std::string_view text, IiifImage& image, IiifVersion version) {
  const std::size_t dot = text.rfind('.');
  const std::string_view quality = text.substr(0, dot);
  using Qualities = std::array<std::pair<std::string_view, IiifQuality>, 4>;
  static constexpr Qualities kQualities{{
      {"default", IiifQuality::standard},
      {"color", IiifQuality::color},
      {"gray", IiifQuality::gray},
      {"bitonal", IiifQuality::bitonal},
  }};
  static constexpr Qualities kOld{{
      {"native", IiifQuality::standard},
      {"color", IiifQuality::color},
      {"grey", IiifQuality::gray},
      {"bitonal", IiifQuality::bitonal},
  }};
  const Qualities& known = version == IiifVersion::one ? kOld : kQualities;
  const auto* const found = std::ranges::find(known, quality, [](const auto& entry) { return entry.first; });
  if (found == known.end()) {
    return wrong("quality");
  }
  if (dot == std::string_view::npos) {
    return fail(Code::bad_request, "IIIF: the format is missing");
  }
  const auto* const extension = std::ranges::find(kExtensions, text.substr(dot + 1), &Extension::name);
  if (extension == kExtensions.end()) {
    return wrong("format");
  }
  if (!codec::can_encode(extension->format)) {
    return fail(Code::unsupported, "IIIF: this server cannot write this format");
  }
  image.quality = found->second;
  image.format = extension->format;
  return {};
}

Result<IiifImage> parse_iiif_image(std::string_view text, IiifVersion version) {
  std::array<std::string, kParts> parts;
  const auto pieces = http::split_path(text);
  if (pieces.size() != kParts) {
    return wrong("request");
  }
  for (std::size_t i = 0; i < kParts; ++i) {
    auto decoded = http::percent_decode(pieces[i]);
    if (!decoded) {
      return pass(decoded.error());
    }
    parts[i] = std::move(*decoded);
  }
  IiifImage image;
  const auto region = parse_iiif_region(parts[0]);
  if (!region) {
    return pass(region.error());
  }
  image.region = *region;
  const auto size = parse_iiif_size(parts[1], version);
  if (!size) {
    return pass(size.error());
  }
  image.size = *size;
  if (const auto rotation = parse_iiif_rotation(parts[2], image); !rotation) {
    return pass(rotation.error());
  }
  if (const auto quality = parse_iiif_quality(parts[3], image, version); !quality) {
    return pass(quality.error());
  }
  return image;
}

Result<IiifPath> parse_iiif(std::string_view path, IiifVersion version) {
  IiifPath result;
  result.raw_id = path;
  constexpr std::string_view kInfo = "/info.json";
  if (path.ends_with(kInfo)) {
    result.kind = IiifPath::Kind::info;
    result.raw_id = path.substr(0, path.size() - kInfo.size());
  } else {
    // The last four parts are the parameters, if there are so many.
    std::size_t slash = path.size();
    for (std::size_t i = 0; i < kParts && slash != std::string_view::npos && slash > 0; ++i) {
      slash = path.rfind('/', slash - 1);
    }
    if (slash != std::string_view::npos && slash > 0) {
      auto image = parse_iiif_image(path.substr(slash + 1), version);
      if (image) {
        result.kind = IiifPath::Kind::image;
        result.raw_id = path.substr(0, slash);
        result.image = *image;
      } else if (image.error().code == Code::unsupported) {
        return pass(std::move(image.error()));
      } else {
        result.kind = IiifPath::Kind::faulty;
        result.error = std::move(image.error());
      }
    }
    if (result.kind != IiifPath::Kind::image && result.raw_id.ends_with('/')) {
      result.raw_id.remove_suffix(1);
    }
  }
  auto id = http::percent_decode(result.raw_id);
  if (!id) {
    return pass(id.error());
  }
  if (id->empty()) {
    return fail(Code::not_found, "IIIF: the identifier is missing");
  }
  result.id = std::move(*id);
  return result;
}

std::string_view iiif_extension(codec::Format format) {
  const auto* const found = std::ranges::find(kExtensions, format, &Extension::format);
  return found == kExtensions.end() ? std::string_view() : found->name;
}

}  // namespace microtome::protocol
