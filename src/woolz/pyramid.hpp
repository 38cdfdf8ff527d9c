// SPDX-License-Identifier: Apache-2.0
// Pyramids: a body at half, a quarter, ... of its resolution, so that a section that is shown smaller averages what
// lies under its pixels. Voxel c of level k stands for the voxels c 2^k ... (c + 1) 2^k - 1 along each axis; its
// value is the mean of those of them that are in the domain, and it is in when at least half of them are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "io/file.hpp"
#include "woolz/blob.hpp"
#include "woolz/bricks.hpp"
#include "woolz/node.hpp"
#include "woolz/object.hpp"

namespace microtome::woolz {

// Levels 1, 2, ... of a body; level 0 is the body itself. Immutable; thread-safe.
using Pyramid = std::vector<BodyPtr>;
using PyramidPtr = std::shared_ptr<const Pyramid>;

// The pyramid of `body`, down to a single brick; empty for a body without values. Levels that are too large for
// memory are kept as SIDECAR.1, SIDECAR.2, ... ("": in files without a name) and belong to the object of `id`.
// Blocks; Code::cancelled.
[[nodiscard]] Result<PyramidPtr> pyramid_of(const BodyPtr& body, const io::FileId& id, const std::string& sidecar,
                                            const OpenOptions& options, const CancelToken& cancel);

// One step down, made into `out`.
[[nodiscard]] Result<Node> halved(const Body& body, BlobWriter& out, const CancelToken& cancel);

}  // namespace microtome::woolz
