// SPDX-License-Identifier: Apache-2.0
// What a foreign object may cost before it is refused.
#pragma once

#include <cstdint>

namespace microtome::woolz {

struct Limits {
  std::uint64_t max_inflated = 16ULL << 30;        // bytes that a .wlz.gz may unpack to
  int max_depth = 8;                               // objects inside objects
  std::int64_t max_extent = 1LL << 20;             // voxels along one axis
  std::uint64_t max_members = 1ULL << 16;          // of one file, nested ones too
  std::uint64_t max_property_bytes = 16ULL << 20;  // of one file's properties in memory
  // Bricks of one file: this many, and one more for every 8 bytes. A brick costs 4 to 8 bytes of index.
  std::uint64_t max_bricks = 1ULL << 20;
  std::uint64_t max_domain_bytes = 2ULL << 30;  // intervals of one object while it is read
  std::uint64_t max_plane_bytes = 2ULL << 30;   // values of 16 planes while they are read
};

}  // namespace microtome::woolz
