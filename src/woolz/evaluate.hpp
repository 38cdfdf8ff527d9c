// SPDX-License-Identifier: Apache-2.0
// Evaluates selections over the members of an object. Pure; thread-safe.
#pragma once

#include <cstdint>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "woolz/bit_volume.hpp"
#include "woolz/expression.hpp"
#include "woolz/object.hpp"
#include "woolz/options.hpp"

namespace microtome::woolz {

// The voxels that `expression` selects, with values where the language keeps them. Code::bad_request for a member
// that does not exist or an operation that needs values where there are none; Code::too_large, Code::cancelled.
[[nodiscard]] Result<BodyPtr> evaluate(const Object& object, const Expression& expression,
                                       const EvaluateLimits& limits, const CancelToken& cancel);
// The same, taking its cost off `work`, which the selections of one request share.
[[nodiscard]] Result<BodyPtr> evaluate(const Object& object, const Expression& expression,
                                       const EvaluateLimits& limits, const CancelToken& cancel, Work& work);

// Bytes of our own memory that a result holds.
[[nodiscard]] std::size_t memory_of(const Body& body);

// The same set of voxels, brick by brick; for tests and queries.
template <class Visit>
void for_each_brick(const Domain& domain, const Visit& visit) {
  const Lattice& lattice = domain.lattice();
  std::int64_t brick = 0;
  for (std::int64_t bz = 0; bz < lattice.count.z; ++bz) {
    for (std::int64_t by = 0; by < lattice.count.y; ++by) {
      for (std::int64_t bx = 0; bx < lattice.count.x; ++bx, ++brick) {
        if (domain.state(brick) != Domain::State::none) {
          visit(brick, Voxel{lattice.origin.x + bx * kBrickSide, lattice.origin.y + by * kBrickSide,
                             lattice.origin.z + bz * kBrickSide});
        }
      }
    }
  }
}

}  // namespace microtome::woolz
