// SPDX-License-Identifier: Apache-2.0
// Small value types that all of the Woolz module shares. Coordinates are voxels of the object: absolute, may be
// negative.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace microtome::woolz {

// Grey types by their codes in files (docs/formats/woolz.md). `none`: a domain without values.
enum class Grey : std::uint8_t { none = 0, int32 = 1, int16 = 2, uint8 = 3, float32 = 4, float64 = 5, rgba = 7 };

// Bytes of one value in memory and in tiles, native byte order. RGBA is four bytes in that order.
[[nodiscard]] constexpr std::size_t bytes_of(Grey grey) {
  switch (grey) {
    case Grey::none:
      return 0;
    case Grey::uint8:
      return 1;
    case Grey::int16:
      return 2;
    case Grey::int32:
    case Grey::float32:
    case Grey::rgba:
      return 4;
    case Grey::float64:
      return 8;
  }
  return 0;
}

[[nodiscard]] constexpr bool is_grey(std::uint8_t code) {
  return (code >= 1 && code <= 5) || code == 7;
}

// One value of any type: `number`, except for RGBA, which is `rgba` (red in the low byte).
struct GreyValue {
  double number = 0;
  std::uint32_t rgba = 0;
  friend bool operator==(const GreyValue&, const GreyValue&) = default;
};

struct Vec3 {
  double x = 0;
  double y = 0;
  double z = 0;
  friend bool operator==(const Vec3&, const Vec3&) = default;
};

struct Voxel {
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t z = 0;
  friend bool operator==(const Voxel&, const Voxel&) = default;
};

// Inclusive on both ends; empty when any upper end lies below its lower end.
struct Box {
  std::int64_t x1 = 0;
  std::int64_t y1 = 0;
  std::int64_t z1 = 0;
  std::int64_t x2 = -1;
  std::int64_t y2 = -1;
  std::int64_t z2 = -1;
  friend bool operator==(const Box&, const Box&) = default;

  [[nodiscard]] bool empty() const { return x2 < x1 || y2 < y1 || z2 < z1; }
  [[nodiscard]] std::int64_t width() const { return x2 - x1 + 1; }
  [[nodiscard]] std::int64_t height() const { return y2 - y1 + 1; }
  [[nodiscard]] std::int64_t depth() const { return z2 - z1 + 1; }
  [[nodiscard]] bool contains(const Voxel& v) const {
    return v.x >= x1 && v.x <= x2 && v.y >= y1 && v.y <= y2 && v.z >= z1 && v.z <= z2;
  }
  // Smallest box around both; an empty one adds nothing.
  [[nodiscard]] Box around(const Box& o) const {
    if (o.empty()) {
      return *this;
    }
    if (empty()) {
      return o;
    }
    return {std::min(x1, o.x1), std::min(y1, o.y1), std::min(z1, o.z1),
            std::max(x2, o.x2), std::max(y2, o.y2), std::max(z2, o.z2)};
  }
  [[nodiscard]] Box common(const Box& o) const {
    return {std::max(x1, o.x1), std::max(y1, o.y1), std::max(z1, o.z1),
            std::min(x2, o.x2), std::min(y2, o.y2), std::min(z2, o.z2)};
  }
};

// Cubes of `side` voxels that fill space from `origin` on; those with 0 <= index < count per axis exist.
struct Lattice {
  Voxel origin;
  std::int64_t side = 1;
  Voxel count;
  friend bool operator==(const Lattice&, const Lattice&) = default;

  [[nodiscard]] std::int64_t size() const { return count.x * count.y * count.z; }
  // Index of the cube, x fastest; the caller has checked the range.
  [[nodiscard]] std::int64_t index(std::int64_t bx, std::int64_t by, std::int64_t bz) const {
    return (bz * count.y + by) * count.x + bx;
  }
};

inline constexpr std::int64_t kBrickSide = 16;  // voxels; our own bricks lie at multiples of it, so that sets combine
inline constexpr std::size_t kBrickVoxels = 16 * 16 * 16;
inline constexpr std::size_t kMaskBytes = kBrickVoxels / 8;  // one bit a voxel, x fastest, low bit first

[[nodiscard]] constexpr std::int64_t floor_brick(std::int64_t v) {
  return v >> 4;
}

// The bricks that cover `box`.
[[nodiscard]] inline Lattice brick_lattice(const Box& box) {
  if (box.empty()) {
    return {{0, 0, 0}, kBrickSide, {0, 0, 0}};
  }
  const Voxel first{floor_brick(box.x1), floor_brick(box.y1), floor_brick(box.z1)};
  const Voxel last{floor_brick(box.x2), floor_brick(box.y2), floor_brick(box.z2)};
  return {{first.x * kBrickSide, first.y * kBrickSide, first.z * kBrickSide},
          kBrickSide,
          {last.x - first.x + 1, last.y - first.y + 1, last.z - first.z + 1}};
}

// What is asked of values inside a domain; sums in double.
struct Statistics {
  std::uint64_t count = 0;
  double minimum = 0;
  double maximum = 0;
  double sum = 0;
  double sum_of_squares = 0;

  void add(double v) {
    minimum = count == 0 ? v : std::min(minimum, v);
    maximum = count == 0 ? v : std::max(maximum, v);
    sum += v;
    sum_of_squares += v * v;
    ++count;
  }
};

}  // namespace microtome::woolz
