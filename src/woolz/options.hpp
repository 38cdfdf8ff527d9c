// SPDX-License-Identifier: Apache-2.0
// Settings of this module: what objects may cost, where their bricks go, how much is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "woolz/limits.hpp"

namespace microtome::woolz {

struct OpenOptions {
  Limits limits;
  // Where sidecars go: a directory, or "" for beside the object (NAME.wlz.bricks). A place that cannot be written to
  // is no failure: the bricks then live in a temporary file without a name.
  std::string cache_directory;
  bool keep_sidecar = true;                 // false: never leave a file
  std::uint64_t memory_bytes = 2ULL << 20;  // bricks of up to this many bytes stay in memory, without a sidecar
  // Transformed objects are resampled in memory when they are opened. All members of one together may make this many
  // bricks of 16³ voxels (the time) and one more for every 256 bytes of the file. They may take a quarter of these
  // bytes and 64 more for every byte of the file, but never more than all.
  std::uint64_t transform_bricks = 2048;
  std::uint64_t transform_bytes = 256ULL << 20;
};

struct BitLimits {
  std::uint64_t max_voxels = 1ULL << 31;  // of one box: 256 MiB
};

// What selections may still cost, in steps of about a nanosecond. Not thread-safe.
struct Work {
  std::uint64_t steps = 2ULL << 30;
  // False when that is more than is left.
  [[nodiscard]] bool take(std::uint64_t count) {
    const bool enough = count <= steps;
    steps -= enough ? count : 0;
    return enough;
  }
};

struct EvaluateLimits {
  BitLimits bits;
  std::int64_t max_radius = 64;            // of dilation and erosion
  std::uint64_t max_bytes = 512ULL << 20;  // bricks of one result
};

struct StoreOptions {
  OpenOptions open;
  EvaluateLimits evaluate;
  std::size_t max_count = 1024;             // MAX_WLZOBJ_CACHE_COUNT: objects and selections; 0 = keep none
  std::uint64_t max_bytes = 1024ULL << 20;  // MAX_WLZOBJ_CACHE_SIZE: of our own memory, not the page cache's
  int revalidate_ms = 500;                  // a file is looked at at most this often
};

}  // namespace microtome::woolz
