// SPDX-License-Identifier: Apache-2.0
// What a IIIF URL says (Image API 2.1 and 3.0, section 4): "{id}/info.json", "{id}" alone, or
// "{id}/{region}/{size}/{rotation}/{quality}.{format}". Identifiers may hold slashes, raw or as "%2F": what counts is
// the end of the path. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "codec/codec.hpp"

namespace microtome::protocol {

enum class IiifVersion : std::uint8_t {
  one,     // 1.1: "native" and "grey" for "default" and "gray"; no "^", no "max" in what it describes
  two,     // 2.1
  three,   // 3.0
  either,  // under /iiif/{id}: 3.0, but "full" is a size too, so that clients that asked for a 2.1 info.json work;
           // with IIIF_VERSION=2 pictures there are made by the rules of 2.1
};

struct IiifRegion {
  enum class Kind : std::uint8_t { full, square, pixels, percent };
  Kind kind = Kind::full;
  double x = 0;  // whole for pixels
  double y = 0;
  double width = 0;
  double height = 0;
};

struct IiifSize {
  enum class Kind : std::uint8_t { full, max, width, height, percent, exact, confined };
  Kind kind = Kind::max;
  bool upscale = false;  // "^"
  std::int64_t width = 0;
  std::int64_t height = 0;
  double percent = 0;
};

enum class IiifQuality : std::uint8_t { standard, color, gray, bitonal };

struct IiifImage {
  IiifRegion region;
  IiifSize size;
  bool mirror = false;
  double rotation = 0;  // 0 <= rotation < 360
  IiifQuality quality = IiifQuality::standard;
  codec::Format format = codec::Format::jpeg;
};

// Each is Code::bad_request with a message for the client.
[[nodiscard]] Result<IiifRegion> parse_iiif_region(std::string_view text);
[[nodiscard]] Result<IiifSize> parse_iiif_size(std::string_view text, IiifVersion version);
// "{n}" or "!{n}", 0 to 360; fills in mirror and rotation.
[[nodiscard]] Result<void> parse_iiif_rotation(std::string_view text, IiifImage& image);
// "{quality}.{format}". Code::unsupported for a format of the specification that this build cannot write.
[[nodiscard]] Result<void> parse_iiif_quality(std::string_view text, IiifImage& image,
                                              IiifVersion version = IiifVersion::three);

// All four, percent-encoded and joined by slashes, as they stand in a URL.
[[nodiscard]] Result<IiifImage> parse_iiif_image(std::string_view text, IiifVersion version);

struct IiifPath {
  enum class Kind : std::uint8_t {
    info,
    image,
    base,    // the identifier alone
    faulty,  // could be an image request that is wrong, or the identifier alone
  };
  Kind kind = Kind::base;
  std::string id;           // decoded
  std::string_view raw_id;  // as it stands in the URL
  IiifImage image;          // of Kind::image
  Error error;              // of Kind::faulty: what is wrong if it is meant as an image
};
// `path` is percent-encoded, without a slash before the identifier. Code::bad_request for broken percent-encoding,
// Code::not_found for no identifier at all. The result looks into `path`.
[[nodiscard]] Result<IiifPath> parse_iiif(std::string_view path, IiifVersion version);

// "jpg", "png"...; "" for what IIIF has no name for.
[[nodiscard]] std::string_view iiif_extension(codec::Format format);

}  // namespace microtome::protocol
