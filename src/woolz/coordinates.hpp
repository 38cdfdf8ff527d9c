// SPDX-License-Identifier: Apache-2.0
// The vector kernel under section sampling: which voxel, of which cube, lies under each pixel of a row. Pure;
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "woolz/types.hpp"

namespace microtome::woolz {

// Object points of a row: column i at (x[i] + add.x, y[i] + add.y, z[i] + add.z).
struct RowPoints {
  const double* x = nullptr;
  const double* y = nullptr;
  const double* z = nullptr;
  Vec3 add;
};

// Where cubes of a power of two voxels lie, and the voxels that count, relative to the lattice's origin.
struct CubeGrid {
  Vec3 origin;
  std::array<std::int32_t, 3> low{};  // of the voxels that count; none: beyond `high`
  std::array<std::int32_t, 3> high{};
  std::int32_t shift = 4;   // log2 of the side
  std::int32_t across = 0;  // cubes along x
  std::int32_t layer = 0;   // cubes of a plane of cubes
  bool blocked = false;     // voxels of a cube, of 16³ then, stand in block order
};

// The part of `lattice` that meets `box`; its side must be a power of two.
[[nodiscard]] CubeGrid cube_grid(const Lattice& lattice, bool flat, bool blocked, const Box& box);

// For columns 0..count-1: the index of the cube under the nearest voxel, -1 outside; and the voxel's place within the
// cube, x fastest or in blocks of 4³ (see block_order), undefined outside. All rounding is in double, half away from
// zero, so that ties fall as the geometry says.
void locate(const RowPoints& points, const CubeGrid& grid, std::size_t count, std::int32_t* cube,
            std::int32_t* place);

// Where voxel `v` (x fastest) of a brick of 16³ stands in block order: 64 blocks of 4³ voxels, x fastest within and
// among blocks. A plane at any angle then meets about as many pixels in a cache line of bytes as one along the axes.
[[nodiscard]] constexpr std::uint32_t block_order(std::uint32_t v) {
  const std::uint32_t x = v & 15;
  const std::uint32_t y = v >> 4 & 15;
  const std::uint32_t z = v >> 8;
  return (x & 3) | (y & 3) << 2 | (z & 3) << 4 | (x >> 2) << 6 | (y >> 2) << 8 | (z >> 2) << 10;
}

// The voxel that stands at `place` in block order.
[[nodiscard]] constexpr std::uint32_t in_block_order(std::uint32_t place) {
  const std::uint32_t x = (place & 3) | (place >> 6 & 3) << 2;
  const std::uint32_t y = (place >> 2 & 3) | (place >> 8 & 3) << 2;
  const std::uint32_t z = (place >> 4 & 3) | (place >> 10 & 3) << 2;
  return x | y << 4 | z << 8;
}

}  // namespace microtome::woolz
