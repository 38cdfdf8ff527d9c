// SPDX-License-Identifier: Apache-2.0
// Lookup: from voxels of a box to bricks, by one addition of three table entries. A table entry holds the brick's
// index in the upper and the voxel's index within the brick in the lower 32 bits; coordinates outside carry kOutside.
// Indexes into the tables are coordinate - box.lo + 1: 0 and extent + 1 are outside, so callers clamp instead of
// testing. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "woolz/bricks.hpp"
#include "woolz/coordinates.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

class Lookup {
 public:
  static constexpr std::uint64_t kOutside = 1ULL << 61;  // three of them still fit

  Lookup() = default;
  // `flat`: cubes are one voxel thick. `blocked`: voxels of a cube stand in block order.
  Lookup(const Lattice& lattice, bool flat, bool blocked, const Box& box)
      : x_(axis(lattice.origin.x, lattice.side, lattice.count.x, 1, blocked ? kBlockedX : 1, box.x1, box.x2)),
        y_(axis(lattice.origin.y, lattice.side, lattice.count.y, static_cast<std::uint64_t>(lattice.count.x),
                blocked ? kBlockedY : static_cast<std::uint64_t>(lattice.side), box.y1, box.y2)),
        z_(axis(lattice.origin.z, flat ? 1 : lattice.side, lattice.count.z,
                static_cast<std::uint64_t>(lattice.count.x * lattice.count.y),
                blocked ? kBlockedZ : static_cast<std::uint64_t>(lattice.side * lattice.side), box.z1, box.z2)) {}

  [[nodiscard]] bool empty() const { return x_.empty(); }
  [[nodiscard]] std::uint64_t at(std::int32_t ix, std::int32_t iy, std::int32_t iz) const {
    return x_[static_cast<std::size_t>(ix)] + y_[static_cast<std::size_t>(iy)] + z_[static_cast<std::size_t>(iz)];
  }
  [[nodiscard]] static std::uint32_t brick(std::uint64_t address) {
    return static_cast<std::uint32_t>(address >> 32);
  }
  [[nodiscard]] static std::uint32_t voxel(std::uint64_t address) { return static_cast<std::uint32_t>(address); }

 private:
  // In place of a step: the axis of a cube in block order.
  static constexpr std::uint64_t kBlockedX = 1ULL << 60;
  static constexpr std::uint64_t kBlockedY = 2ULL << 60;
  static constexpr std::uint64_t kBlockedZ = 3ULL << 60;
  static std::uint64_t place(std::uint64_t in_cube, std::uint64_t step) {
    const auto v = static_cast<std::uint32_t>(in_cube);
    switch (step) {
      case kBlockedX:
        return block_order(v);
      case kBlockedY:
        return block_order(v << 4);
      case kBlockedZ:
        return block_order(v << 8);
      default:
        return in_cube * step;
    }
  }

  static std::vector<std::uint64_t> axis(std::int64_t origin, std::int64_t side, std::int64_t count,
                                         std::uint64_t brick_step, std::uint64_t voxel_step, std::int64_t lo,
                                         std::int64_t hi) {
    std::vector<std::uint64_t> table(static_cast<std::size_t>(hi - lo + 3), kOutside);
    for (std::int64_t c = std::max(lo, origin); c <= hi && c < origin + side * count; ++c) {
      const auto r = static_cast<std::uint64_t>(c - origin);
      const auto s = static_cast<std::uint64_t>(side);
      table[static_cast<std::size_t>(c - lo + 1)] = (r / s * brick_step) << 32 | place(r % s, voxel_step);
    }
    return table;
  }

  std::vector<std::uint64_t> x_;
  std::vector<std::uint64_t> y_;
  std::vector<std::uint64_t> z_;
};

}  // namespace microtome::woolz
