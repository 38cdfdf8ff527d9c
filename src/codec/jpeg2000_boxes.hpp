// SPDX-License-Identifier: Apache-2.0
// The boxes of JP2 files (ISO/IEC 15444-1 Annex I) before the codestream. Pure; thread-safe when the source is.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/jpeg2000.hpp"

namespace microtome::codec {

// What the boxes before the codestream say.
struct Jpeg2000Boxes {
  std::uint64_t codestream = 0;  // offset
  std::uint64_t end = 0;
  int colour_space = 0;  // EnumCS; 0: none
  Bytes icc;
  int palette_columns = 0;
  int palette_bits = 0;
  bool alpha = false;
  bool has_definitions = false;
  std::optional<double> um_x;  // micrometres a pixel
  std::optional<double> um_y;
};

// Up to the first codestream; Code::corrupt without one.
[[nodiscard]] Result<Jpeg2000Boxes> read_jpeg2000_boxes(const ByteSource& source);

[[nodiscard]] inline std::unexpected<Error> broken_jpeg2000(std::string why) {
  return fail(Code::corrupt, "the JPEG 2000 picture is damaged", std::move(why));
}

// `count` bytes from `at` on, which are there.
[[nodiscard]] inline std::uint64_t big_endian(ByteView bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) {
    value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
  }
  return value;
}

}  // namespace microtome::codec
