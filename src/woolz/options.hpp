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
  bool keep_sidecar = true;                      // false: never leave a file
  std::uint64_t memory_bytes = 2ULL << 20;       // bricks of up to this many bytes stay in memory, without a sidecar
  std::uint64_t transform_bytes = 256ULL << 20;  // bricks of a transformed object, which are made in memory
};

struct BitLimits {
  std::uint64_t max_voxels = 1ULL << 31;      // of one box: 256 MiB
  std::uint64_t max_word_steps = 4ULL << 30;  // of one dilation or erosion
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
