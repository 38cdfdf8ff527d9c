// SPDX-License-Identifier: Apache-2.0
// Projections along the normal of a view (RMD): shadows, thickness, density. docs/formats/woolz.md, "Projections".
#pragma once

#include <cstdint>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "woolz/bricks.hpp"
#include "woolz/geometry.hpp"

namespace microtome::woolz {

// A flat body in the plane z = 0 of section space, and the frame that looks straight at it.
struct Projected {
  BodyPtr body;
  Frame frame;
};

struct ProjectLimits {
  std::int64_t max_pixels = 25'000'000;  // of the section
  double max_samples = 1e9;              // pixels times steps along the normal
};

// Walks along the normal in steps of at most a voxel, within view.depth of the plane when that is above 0. Density is
// of unsigned bytes only: other bodies project to nothing. Code::too_large over a limit, Code::cancelled.
[[nodiscard]] Result<Projected> project(const Body& body, const Frame& frame, const View& view,
                                        const CancelToken& cancel, const ProjectLimits& limits = {});

}  // namespace microtome::woolz
