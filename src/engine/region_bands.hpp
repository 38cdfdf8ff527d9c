// SPDX-License-Identifier: Apache-2.0
// Inside of regions: how they are cut into bands.
#pragma once

#include <cstdint>

namespace microtome::engine {

// Rows decoded and scaled at a time. Little enough that a band of a view is still in the processor's cache when it
// is scaled (engine_bench ViewOfPyramid), and that memory does not grow with the region.
inline constexpr std::int64_t kBandRows = 256;

}  // namespace microtome::engine
