// SPDX-License-Identifier: Apache-2.0
// FPL: the view whose plane fits points best.
#pragma once

#include <optional>
#include <vector>

#include "woolz/bricks.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

struct PlaneFit {
  double pitch = 0;  // degrees
  double yaw = 0;    // may be negative
  double distance = 0;
};

// Least squares by singular values; at least three points. The distance is that of the centroid from `fixed`.
[[nodiscard]] std::optional<PlaneFit> fit_plane(const std::vector<Vec3>& points, const Vec3& fixed);

// Mean of the voxels of a domain; nullopt for an empty one.
[[nodiscard]] std::optional<Vec3> centroid(const Domain& domain);

}  // namespace microtome::woolz
