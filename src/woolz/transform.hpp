// SPDX-License-Identifier: Apache-2.0
// Transformed objects: resampled (nearest voxel) into plain ones, as the transform says.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.hpp"
#include "woolz/bricks.hpp"

namespace microtome::woolz {

// The transform that does `inner` first and `outer` then: 4x4 row-major on columns (x, y, z, 1).
[[nodiscard]] std::array<double, 16> then(const std::array<double, 16>& inner, const std::array<double, 16>& outer);

struct Transformed {
  BodyPtr body;
  Box box;
};

// What the transforms of one object may still cost, all members together.
struct TransformBudget {
  std::uint64_t bricks = 0;  // that are made: time
  std::uint64_t bytes = 0;   // of memory
};

// `matrix`: 4x4 row-major on columns (x, y, z, 1). Takes its cost off the budget. Code::corrupt when it cannot be
// inverted, Code::too_large, before anything is made, when the budget is too small.
[[nodiscard]] Result<Transformed> transformed(const Body& body, const Box& box, const std::array<double, 16>& matrix,
                                              TransformBudget& budget);

}  // namespace microtome::woolz
