// SPDX-License-Identifier: Apache-2.0
// Regions of JPEG pyramids that become a JPEG again: scaled as YCbCr, which costs two thirds of the way through RGB.
// Thread-safe; runs on a worker.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/region.hpp"
#include "engine/render.hpp"
#include "image/picture.hpp"

namespace microtome::engine {

// nullopt: not a case for it (another format, enlarged, turned, beyond the picture, large); render_area() goes the
// usual way then.
Result<std::optional<Bytes>> render_planes(const image::Picture& picture, const RegionArea& area,
                                           const RegionPlan& plan, const Encoding& encoding,
                                           const CancelToken& cancel);

}  // namespace microtome::engine
