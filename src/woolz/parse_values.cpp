// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "woolz/bricks.hpp"
#include "woolz/parse.hpp"

namespace microtome::woolz::detail {
namespace {

struct Packing {
  std::size_t bytes = 0;  // of a value in the file
  std::uint8_t code = 0;
};

// How values lie in the file. Only the integer types are ever packed; the others ignore the byte.
bool find_packing(Grey grey, std::uint8_t code, Packing& packing) {
  packing.code = code;
  switch (grey) {
    case Grey::int32:
      packing.bytes = code == 1 ? 4 : code == 2 ? 2 : code == 3 ? 1 : 0;
      break;
    case Grey::int16:
      packing.bytes = code == 2 ? 2 : code == 3 ? 1 : 0;
      break;
    default:
      packing.bytes = bytes_of(grey);
      break;
  }
  return packing.bytes != 0;
}

GreyValue read_background(Reader& reader, Grey grey) {
  switch (grey) {
    case Grey::none:
      return {};
    case Grey::int32:
      return {static_cast<double>(reader.i32()), 0};
    case Grey::int16:
      return {static_cast<double>(static_cast<std::int16_t>(reader.i32())), 0};
    case Grey::uint8:
      return {static_cast<double>(reader.i32() & 255), 0};
    case Grey::float32:
      return {static_cast<double>(reader.f32()), 0};
    case Grey::float64:
      return {reader.f64(), 0};
    case Grey::rgba:
      return {0, reader.u32()};
  }
  return {};
}

template <class From, class To>
Bytes widen(const Bytes& in) {
  const std::size_t count = in.size() / sizeof(From);
  Bytes out(count * sizeof(To));
  for (std::size_t i = 0; i < count; ++i) {
    From v;
    std::memcpy(&v, in.data() + i * sizeof(From), sizeof(From));
    const To wide = v;
    std::memcpy(out.data() + i * sizeof(To), &wide, sizeof(To));
  }
  return out;
}

void decode_vax(Bytes& bytes) {
  for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    std::uint8_t* s = bytes.data() + i;
    const std::uint8_t high = static_cast<std::uint8_t>(s[1] - 1);
    const std::uint8_t b2 = s[0];
    s[0] = s[2];
    s[1] = s[3];
    s[2] = b2;
    s[3] = high;
  }
}

}  // namespace

PlaneValues read_plane_values(Reader& reader, std::uint8_t type, std::uint64_t count, const Limits& limits) {
  PlaneValues plane;
  if (!is_grey(type)) {
    reader.fail(Code::corrupt, "values of unknown type " + std::to_string(type));
    return plane;
  }
  plane.grey = static_cast<Grey>(type);
  Packing packing;
  if (!find_packing(plane.grey, reader.u8(), packing)) {
    reader.fail(Code::corrupt, "values of unknown packing");
    return plane;
  }
  plane.background = read_background(reader, plane.grey);
  if (count > (1ULL << 62) || !reader.has(static_cast<std::int64_t>(count), packing.bytes)) {
    reader.fail(Code::corrupt, "more values than bytes");
    return plane;
  }
  if (count * bytes_of(plane.grey) > limits.max_plane_bytes) {
    reader.fail(Code::too_large, "a plane is over the limit");
    return plane;
  }
  Bytes raw(static_cast<std::size_t>(count) * packing.bytes);
  if (!reader.bytes(raw)) {
    return plane;
  }
  if (plane.grey == Grey::int32 && packing.bytes == 2) {
    plane.values = widen<std::int16_t, std::int32_t>(raw);
  } else if (plane.grey == Grey::int32 && packing.bytes == 1) {
    plane.values = widen<std::uint8_t, std::int32_t>(raw);
  } else if (plane.grey == Grey::int16 && packing.bytes == 1) {
    plane.values = widen<std::uint8_t, std::int16_t>(raw);
  } else {
    if (plane.grey == Grey::float32) {
      decode_vax(raw);
    }
    plane.values = std::move(raw);
  }
  return plane;
}

namespace {

struct Table {
  Box box;
  std::int64_t side = 0;
  std::uint64_t tile_bytes = 0;
  std::uint64_t tiles = 0;
};

GreyValue read_tagged_value(Reader& reader, Grey grey) {
  const std::uint8_t type = reader.u8();
  if (!is_grey(type)) {
    reader.fail(Code::corrupt, "background of unknown type");
    return {};
  }
  GreyValue value;
  switch (static_cast<Grey>(type)) {
    case Grey::int16:
      value.number = reader.i16();
      break;
    case Grey::uint8:
      value.number = reader.u8();
      break;
    default:
      value = read_background(reader, static_cast<Grey>(type));
      break;
  }
  // A background of another type is brought into the values' own.
  const auto within = [&](double low, double high) {
    value.number = std::isnan(value.number) ? 0 : std::clamp(value.number, low, high);
  };
  if (grey == Grey::uint8) {
    within(0, 255);
  } else if (grey == Grey::int16) {
    within(-32768, 32767);
  } else if (grey == Grey::int32) {
    within(-2147483648.0, 2147483647);
  }
  return value;
}

bool read_extents(Reader& reader, int dimension, const Limits& limits, Box& box) {
  if (reader.u8() != dimension) {
    reader.fail(Code::corrupt, "tiles of another dimension");
    return false;
  }
  for (auto [low, high] : {std::pair{&box.x1, &box.x2}, std::pair{&box.y1, &box.y2}, std::pair{&box.z1, &box.z2}}) {
    *low = reader.i32();
    *high = reader.i32();
  }
  if (dimension == 2) {
    box.z1 = box.z2 = 0;
  }
  if (box.empty() || box.width() > limits.max_extent || box.height() > limits.max_extent ||
      box.depth() > limits.max_extent) {
    reader.fail(Code::corrupt, "tiles with impossible bounds");
    return false;
  }
  return true;
}

// Values per voxel of the types from 171 on.
std::int32_t read_per_voxel(Reader& reader, std::uint8_t type) {
  if (type < 100) {
    return 1;
  }
  const std::int32_t rank = reader.i32();
  if (rank < 0 || rank > 8) {
    reader.fail(Code::corrupt, "values of impossible rank");
    return 1;
  }
  std::int64_t product = 1;
  for (std::int32_t i = 0; i < rank; ++i) {
    product *= reader.i32();
    if (product < 1 || product > (1 << 16)) {
      reader.fail(Code::corrupt, "impossible number of values a voxel");
      return 1;
    }
  }
  return static_cast<std::int32_t>(product);
}

bool read_layout(Reader& reader, int dimension, ValuesNode& values, const Box& box, Table& table) {
  const std::int32_t per_tile = reader.i32();
  const std::int32_t width = reader.i32();
  const std::int32_t tiles = reader.i32();
  std::int64_t expected = std::int64_t{width} * width;
  if (width < 1 || width > 4096 || tiles < 0 || (dimension == 3 ? expected * width : expected) != per_tile) {
    reader.fail(Code::corrupt, "tiles of impossible size");
    return false;
  }
  Voxel& n = values.lattice.count;
  n.x = reader.i32();
  n.y = reader.i32();
  n.z = dimension == 3 ? reader.i32() : 1;
  const auto across = [&](std::int64_t extent) { return (extent + width - 1) / width; };
  // Writers make one tile more than they need along an axis, some more than that.
  if (n.x < across(box.width()) || n.y < across(box.height()) || n.z < (dimension == 3 ? across(box.depth()) : 1)) {
    reader.fail(Code::corrupt, "number of tiles does not fit the bounds");
    return false;
  }
  values.lattice.origin = {box.x1, box.y1, box.z1};
  values.lattice.side = width;
  values.flat = dimension == 2;
  values.unit =
      static_cast<std::uint64_t>(per_tile) * bytes_of(values.grey) * static_cast<std::uint64_t>(values.per_voxel);
  values.cube_bytes = values.unit;
  table = {box, width, values.unit, static_cast<std::uint64_t>(tiles)};
  if (n.y < 1 || n.x > (1LL << 31) / n.y || !reader.has(n.x * n.y, static_cast<std::uint64_t>(n.z) * 4)) {
    reader.fail(Code::corrupt, "more tiles than bytes");
    return false;
  }
  return true;
}

Result<void> copy_tiles(Reader& reader, const Table& table, ValuesNode& values, BlobWriter& out) {
  values.data_offset = 0;
  Bytes tile(static_cast<std::size_t>(table.tile_bytes));
  for (std::uint64_t i = 0; i < table.tiles; ++i) {
    if (!reader.bytes(tile)) {
      return reader.failure();
    }
    auto placed = out.append(tile, i == 0 ? 4096 : 1);
    if (!placed) {
      return std::unexpected(placed.error());
    }
    if (i == 0) {
      values.data_offset = *placed;
    }
  }
  return {};
}

}  // namespace

Result<ValuesNode> read_tiled(Reader& reader, std::uint8_t type, int dimension, BlobWriter& out,
                              const Limits& limits) {
  ValuesNode values;
  const auto grey = static_cast<std::uint8_t>(type % 10);
  if (!is_grey(grey)) {
    reader.fail(Code::corrupt, "tiles of unknown type");
    return reader.failure();
  }
  values.grey = static_cast<Grey>(grey);
  Table table;
  Box box;
  if (!read_extents(reader, dimension, limits, box)) {
    return reader.failure();
  }
  values.background = read_tagged_value(reader, values.grey);
  values.per_voxel = read_per_voxel(reader, type);
  if (!reader.ok() || !read_layout(reader, dimension, values, box, table)) {
    return reader.failure();
  }
  std::vector<std::uint32_t> index(static_cast<std::size_t>(values.lattice.size()));
  for (std::uint32_t& entry : index) {
    const std::uint32_t tile = reader.u32();
    entry = tile < table.tiles ? tile + 1 : 0;
  }
  const std::uint64_t low = reader.u32();
  const std::uint64_t offset = low | static_cast<std::uint64_t>(reader.u32()) << 32;
  if (!reader.skip_to(offset) || !reader.has(static_cast<std::int64_t>(table.tiles), table.tile_bytes)) {
    reader.fail(Code::corrupt, "tiles lie outside the object");
    return reader.failure();
  }
  if (reader.file() != nullptr) {
    values.in_source = true;
    values.data_offset = offset;
    if (!reader.skip_to(offset + table.tiles * table.tile_bytes)) {
      return reader.failure();
    }
  } else if (auto copied = copy_tiles(reader, table, values, out); !copied) {
    return std::unexpected(copied.error());
  }
  auto placed = out.append({reinterpret_cast<const std::uint8_t*>(index.data()), index.size() * sizeof(index[0])});
  if (!placed) {
    return std::unexpected(placed.error());
  }
  values.index = {*placed, index.size()};
  return values;
}

bool bricks_within(const Box& box, std::uint64_t& used, std::uint64_t bytes, const Limits& limits) {
  if (box.empty()) {
    return true;
  }
  const std::int64_t most = limits.max_extent;
  if (box.width() > most || box.height() > most || box.depth() > most) {
    return false;
  }
  const Voxel n = brick_lattice(box).count;  // each at most 2^16 + 1, so that the product fits
  used += static_cast<std::uint64_t>(n.x) * static_cast<std::uint64_t>(n.y) * static_cast<std::uint64_t>(n.z);
  return used <= limits.max_bricks + bytes / 8;
}

}  // namespace microtome::woolz::detail
