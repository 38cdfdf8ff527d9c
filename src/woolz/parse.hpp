// SPDX-License-Identifier: Apache-2.0
// Reading a whole Woolz object: its tree as a Node, its voxels as bricks in a blob. Every count is checked against
// the bytes that are left before anything is allocated for it.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "woolz/blob.hpp"
#include "woolz/limits.hpp"
#include "woolz/node.hpp"
#include "woolz/reader.hpp"

namespace microtome::woolz {

// Reads the first object of `reader`; bytes after it are left alone. Code::corrupt for what no Woolz object can be,
// Code::unsupported for objects that are no images, Code::too_large over a limit. Tiled values stay in the file when
// the reader reads one (Node.values.in_source), else they are copied into `out`.
[[nodiscard]] Result<Node> parse_object(Reader& reader, BlobWriter& out, const Limits& limits);

// The value parts, in files of their own (parse.cpp calls them).
namespace detail {
struct PlaneValues {
  Grey grey = Grey::none;
  GreyValue background;
  Bytes values;  // native
};
// After the grey type byte: packing, background, `count` values. Failures stick to the reader.
[[nodiscard]] PlaneValues read_plane_values(Reader& reader, std::uint8_t type, std::uint64_t count,
                                            const Limits& limits);
// After the table type byte: the whole table, and the tiles where they are not left in the file.
[[nodiscard]] Result<ValuesNode> read_tiled(Reader& reader, std::uint8_t type, int dimension, BlobWriter& out,
                                            const Limits& limits);
[[nodiscard]] constexpr bool is_tiled(std::uint8_t type) {
  const int code = type >= 100 ? type - 100 : type;
  return code >= 70 && code < 80;
}
// Adds the bricks of `box` to `used`; false when that is over the limit of a file of so many bytes.
[[nodiscard]] bool bricks_within(const Box& box, std::uint64_t& used, std::uint64_t bytes, const Limits& limits);
}  // namespace detail

}  // namespace microtome::woolz
