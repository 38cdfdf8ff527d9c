// SPDX-License-Identifier: Apache-2.0
// The geometry of CVT. Pure; thread-safe.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "protocol/iip.hpp"

namespace microtome::protocol {

// Which part of a width x height picture makes which size of export:
// no WID and HEI: the box is the full size of the picture, whatever the region (so a region is enlarged, as old
// clients expect); one of them: the other follows from the aspect of the region; both: fitted inside the box. Then at
// most `most` pixels a side (<= 0: no limit). The aspect of the region is kept; a side is at least 1 pixel.
// Without `upscaling` never larger than the region is.
// Code::bad_request when the region lies outside the picture.
[[nodiscard]] Result<engine::RegionArea> export_area(const IipView& view, std::int64_t width, std::int64_t height,
                                                     int most, bool upscaling = true);

}  // namespace microtome::protocol
