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

// `matrix`: 4x4 row-major on columns (x, y, z, 1). Code::corrupt when it cannot be inverted, Code::too_large when the
// result would take more than `max_bytes`.
[[nodiscard]] Result<Transformed> transformed(const Body& body, const Box& box, const std::array<double, 16>& matrix,
                                              std::uint64_t max_bytes);

}  // namespace microtome::woolz
