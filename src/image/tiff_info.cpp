// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_info.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "image/tiff_tags.hpp"
#include "pixel/convert.hpp"

namespace microtome::image {
namespace {

constexpr std::size_t kMostText = 64 << 10;
constexpr std::size_t kMostProfile = 4 << 20;

struct Name {
  tiff::Tag tag;
  const char* name;
};
constexpr std::array kNames = {
    Name{tiff::kImageDescription, "description"},
    Name{tiff::kSoftware, "software"},
    Name{tiff::kDateTime, "date"},
    Name{tiff::kArtist, "artist"},
    Name{tiff::kCopyright, "copyright"},
    Name{tiff::kMake, "make"},
    Name{tiff::kModel, "model"},
    Name{tiff::kDocumentName, "title"},
    Name{tiff::kPageName, "page"},
    Name{tiff::kHostComputer, "host"},
    Name{tiff::kXmp, "xmp"},
};

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(start);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool plausible(double um) {
  return um > 1e-6 && um < 1e6;
}

// Value of name="..." in the text of one XML element.
std::optional<std::string_view> attribute(std::string_view element, std::string_view name) {
  for (std::size_t at = element.find(name); at != std::string_view::npos; at = element.find(name, at + 1)) {
    const std::size_t equals = at + name.size();
    if (at > 0 && element[at - 1] == ' ' && equals + 1 < element.size() && element[equals] == '=' &&
        (element[equals + 1] == '"' || element[equals + 1] == '\'')) {
      const std::size_t end = element.find(element[equals + 1], equals + 2);
      if (end != std::string_view::npos) {
        return element.substr(equals + 2, end - equals - 2);
      }
    }
  }
  return std::nullopt;
}

std::optional<PixelSize> size_in_ome(std::string_view text) {
  const std::size_t start = text.find("<Pixels ");
  if (start == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view element = text.substr(start, text.find('>', start) - start);
  const auto side = [&](std::string_view name, std::string_view unit_name) {
    const auto value = attribute(element, name);
    const auto unit = attribute(element, unit_name);
    return value ? parse_number(*value).value_or(0) * (unit ? um_of_unit(*unit) : 1) : 0;
  };
  const double x = side("PhysicalSizeX", "PhysicalSizeXUnit");
  const double y = side("PhysicalSizeY", "PhysicalSizeYUnit");
  if (!plausible(x)) {
    return std::nullopt;
  }
  return PixelSize{x, plausible(y) ? y : x};
}

// Text without the NUL at its end and without control characters that would break a log or a page.
std::string clean(const Bytes& bytes) {
  std::string text(as_text(bytes));
  text.resize(std::min(text.size(), text.find('\0')));
  std::erase_if(text, [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return code < 0x20 && c != '\n' && c != '\t';
  });
  const std::size_t end = text.find_last_not_of(" \n\t");
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text;
}

std::optional<double> number_of(const TiffIndex& index, const TiffDirectory& directory, tiff::Tag tag) {
  const TiffField* field = directory.find(tag);
  return field != nullptr ? index.number(*field) : std::nullopt;
}

std::optional<PixelSize> size_of(const TiffIndex& index, const TiffDirectory& directory,
                                 std::string_view description) {
  if (auto said = size_in_description(description)) {
    return said;
  }
  const auto x = number_of(index, directory, tiff::kXResolution);
  const auto y = number_of(index, directory, tiff::kYResolution);
  const auto unit = number_of(index, directory, tiff::kResolutionUnit).value_or(2);
  if (!x) {
    return std::nullopt;
  }
  // ImageJ: pixels per unit, the unit in the description.
  if (description.starts_with("ImageJ=") && (description.find("\nunit=micron") != std::string_view::npos ||
                                             description.find("\nunit=\\u00B5m") != std::string_view::npos ||
                                             description.find("\nunit=um") != std::string_view::npos)) {
    const double um = 1 / *x;
    return plausible(um) ? std::optional(PixelSize{um, y && plausible(1 / *y) ? 1 / *y : um}) : std::nullopt;
  }
  if (unit != 2 && unit != 3) {
    return std::nullopt;
  }
  return size_from_resolution(*x, y.value_or(*x), unit == 3);
}

}  // namespace

double um_of_unit(std::string_view unit) {
  struct Unit {
    std::string_view name;
    double um;
  };
  constexpr std::array kUnits = {
      Unit{"\xc2\xb5m", 1},  // micro sign
      Unit{"\xce\xbcm", 1},  // Greek mu
      Unit{"um", 1},        Unit{"micron", 1}, Unit{"microns", 1},     Unit{"\\u00B5m", 1}, Unit{"&#181;m", 1},
      Unit{"&#xB5;m", 1},   Unit{"nm", 1e-3},  Unit{"pm", 1e-6},       Unit{"mm", 1e3},     Unit{"cm", 1e4},
      Unit{"m", 1e6},       Unit{"in", 25400}, Unit{"\xc3\x85", 1e-4},
  };
  const auto* const found = std::ranges::find(kUnits, unit, &Unit::name);
  return found != kUnits.end() ? found->um : 0;
}

std::optional<PixelSize> size_in_description(std::string_view description) {
  if (description.find("<OME") != std::string_view::npos) {
    return size_in_ome(description);
  }
  if (description.starts_with("Aperio")) {
    if (const std::size_t at = description.find("MPP = "); at != std::string_view::npos) {
      const auto um = parse_number(description.substr(at + 6));
      if (um && plausible(*um)) {
        return PixelSize{*um, *um};
      }
    }
  }
  return std::nullopt;
}

std::optional<PixelSize> size_from_resolution(double x, double y, bool centimetre) {
  const double um = centimetre ? 10000 : 25400;
  const auto near = [](double value, double other) { return std::abs(value - other) <= 1e-3 * other; };
  const double dpi = centimetre ? x * 2.54 : x;
  for (const double unknown : {1.0, 2.54, 25.4, 72.0, 96.0}) {
    if (near(dpi, unknown)) {
      return std::nullopt;
    }
  }
  if (!(x > 0) || !plausible(um / x)) {
    return std::nullopt;
  }
  return PixelSize{um / x, y > 0 && plausible(um / y) ? um / y : um / x};
}

PictureInfo describe(const TiffIndex& index, const TiffDirectory& directory, const TiffLayout& layout) {
  PictureInfo info;
  info.width = directory.width;
  info.height = directory.height;
  info.channels = layout.channels;
  info.bits = directory.bits;
  info.sample = layout.sample;
  info.colour = layout.colour;
  info.opaque = !pixel::has_alpha(layout.colour);
  info.has_tiles = directory.tiled;
  info.lossy = directory.compression == tiff::kJpeg || directory.compression == tiff::kOldJpeg ||
               directory.compression == tiff::kWebp;
  for (const Name& name : kNames) {
    if (const TiffField* field = directory.find(name.tag); field != nullptr) {
      if (std::string text = clean(index.bytes(*field, kMostText, name.tag != tiff::kXmp)); !text.empty()) {
        info.text.emplace(name.name, std::move(text));
      }
    }
  }
  if (const TiffField* field = directory.find(tiff::kIccProfile); field != nullptr) {
    if (Bytes profile = index.bytes(*field, kMostProfile); !profile.empty()) {
      info.icc = std::make_shared<const Bytes>(std::move(profile));
    }
  }
  if (directory.photometric == tiff::kCieLab || directory.photometric == tiff::kCmyk) {
    info.text.emplace("colour_space", directory.photometric == tiff::kCmyk ? "cmyk" : "cielab");
    info.icc = nullptr;  // it belongs to the colours before conversion
  }
  for (const auto& [tag, name] : {std::pair{tiff::kSampleMin, "sample_min"},
                                  {tiff::kSampleMax, "sample_max"},
                                  {tiff::kXResolution, "x_resolution"},
                                  {tiff::kYResolution, "y_resolution"}}) {
    if (const auto value = number_of(index, directory, tag)) {
      info.text.emplace(name, std::to_string(*value));
    }
  }
  const auto description = info.text.find("description");
  const auto size =
      size_of(index, directory, description != info.text.end() ? std::string_view(description->second) : "");
  if (size) {
    info.um_per_pixel_x = size->x;
    info.um_per_pixel_y = size->y;
  }
  return info;
}

}  // namespace microtome::image
