// SPDX-License-Identifier: Apache-2.0
// Names of encodings, shared by codecs, readers and protocols.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace microtome::codec {

// Output formats a client can ask for.
enum class Format : std::uint8_t { jpeg, png, webp, avif, tiff, gif, jp2, pdf, raw };

[[nodiscard]] constexpr std::string_view media_type(Format format) {
  switch (format) {
    case Format::jpeg:
      return "image/jpeg";
    case Format::png:
      return "image/png";
    case Format::webp:
      return "image/webp";
    case Format::avif:
      return "image/avif";
    case Format::tiff:
      return "image/tiff";
    case Format::gif:
      return "image/gif";
    case Format::jp2:
      return "image/jp2";
    case Format::pdf:
      return "application/pdf";
    case Format::raw:
      return "application/octet-stream";
  }
  return "application/octet-stream";
}

// What a file of this format is called, without the dot; tif, not tiff.
[[nodiscard]] constexpr std::string_view extension_of(Format format) {
  switch (format) {
    case Format::jpeg:
      return "jpg";
    case Format::png:
      return "png";
    case Format::webp:
      return "webp";
    case Format::avif:
      return "avif";
    case Format::tiff:
      return "tif";
    case Format::gif:
      return "gif";
    case Format::jp2:
      return "jp2";
    case Format::pdf:
      return "pdf";
    case Format::raw:
      return "raw";
  }
  return "raw";
}

// Formats that can hold 16 bits a sample as we write them.
[[nodiscard]] constexpr bool holds_16_bits(Format format) {
  return format == Format::png || format == Format::tiff;
}

}  // namespace microtome::codec
