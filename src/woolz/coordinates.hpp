// SPDX-License-Identifier: Apache-2.0
// The vector kernel under section sampling. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microtome::woolz {

// out[i] = clamp(nearest(start[i] + add) - low + 1, 0, extent + 1): the index of a coordinate into a Lookup's table.
// In double throughout, so that ties fall as the geometry says.
void voxel_indices(const double* start, double add, double low, double extent, std::int32_t* out, std::size_t count);

}  // namespace microtome::woolz
