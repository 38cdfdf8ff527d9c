// SPDX-License-Identifier: Apache-2.0
// What file names tell: which files are pictures, their natural order, and the numbers in them. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace microtome::set {

// True when the extension is one of a picture (tif, svs, jpg, png, jp2, ..., without regard to case) and the file is
// neither hidden nor unfinished (".part").
[[nodiscard]] bool is_picture_name(std::string_view file_name);
// Those extensions, in lower case and in order of preference as a slice.
[[nodiscard]] std::span<const std::string_view> picture_extensions();
[[nodiscard]] bool is_volume_name(std::string_view name);  // a Woolz object: .wlz, .wlz.gz

// How well a format serves as a slice: pyramids before plain pictures. Decides which of "s41.tif" and "s41.jpg" is
// the slice.
[[nodiscard]] int format_rank(std::string_view file_name);

// Without directory and extension: "slices/s041.tif" gives "s041"; "a.ome.tif" gives "a".
[[nodiscard]] std::string_view stem_of(std::string_view file_name);
[[nodiscard]] std::string_view base_name(std::string_view path);

// Natural order: runs of digits compare by value ("texture-9" before "texture-10"), the rest byte by byte without
// case; names that are equal so far compare byte by byte.
[[nodiscard]] bool natural_less(std::string_view a, std::string_view b);

// A stem cut into text and runs of digits: skeleton "S#L_pyr_#" (digit runs replaced by one \x01), values {2897, 41}.
// Runs of more than 18 digits stay text.
struct Shape {
  std::string skeleton;
  std::vector<std::int64_t> values;
};
[[nodiscard]] Shape shape_of(std::string_view stem);

// "{name}{pattern}{nnn}_{vvv}" (FILENAME_PATTERN sequences): horizontal position nnn, vertical position vvv.
struct Position {
  std::string_view name;  // what stands before the pattern; part of the stem given
  std::int64_t horizontal = 0;
  std::int64_t vertical = 0;
};
[[nodiscard]] std::optional<Position> position_of(std::string_view stem, std::string_view pattern);

}  // namespace microtome::set
