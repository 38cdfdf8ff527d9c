// SPDX-License-Identifier: Apache-2.0
// What the world around the process allows it: memory, processes and files, from cgroups (both versions), rlimits and
// the machine. Who stays below is not ended by the host's killer. Thread-safe; reads files.
#pragma once

#include <cstdint>
#include <string>

namespace microtome {

struct OuterLimits {
  std::uint64_t memory = 0;     // bytes this process may use; 0: unknown
  std::string memory_from;      // "cgroup", "RLIMIT_AS", "RLIMIT_DATA", "MICROTOME_MEMORY", "machine"
  std::uint64_t processes = 0;  // processes and threads of the user or group; 0: no limit
  std::uint64_t files = 0;      // descriptors
  double cores = 0;             // processors, also a fraction by quota
};

// `root`: for tests, where /proc and /sys are looked for. The environment's MICROTOME_MEMORY is in MiB.
[[nodiscard]] OuterLimits outer_limits(const std::string& root = "");

// How the tile server divides the memory it has. The defaults are used where there is plenty.
struct MemoryShares {
  std::uint64_t cache = 0;      // computed pictures
  std::uint64_t in_flight = 0;  // decoded pixels of running work
  std::uint64_t pictures = 0;   // open pictures
  int threads = 0;              // that decode; 0: as asked
};
// `wanted`: what would be used without a limit. Nothing becomes larger by a limit. At most half of `memory` is given
// away: stacks, decoders and the C library need the rest.
[[nodiscard]] MemoryShares shares_of(const OuterLimits& limits, const MemoryShares& wanted);

}  // namespace microtome
