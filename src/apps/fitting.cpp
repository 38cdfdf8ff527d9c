// SPDX-License-Identifier: Apache-2.0
#include "apps/fitting.hpp"

#include <algorithm>
#include <string>

#include "base/outer_limits.hpp"

namespace microtome::apps {
namespace {

OuterLimits limits_with(std::uint64_t memory) {
  OuterLimits limits = outer_limits();
  if (memory != 0 && (limits.memory == 0 || memory < limits.memory)) {
    limits.memory = memory;
    limits.memory_from = "MICROTOME_MEMORY";
  }
  return limits;
}

}  // namespace

engine::EngineOptions fitted(engine::EngineOptions wanted, std::uint64_t memory, const Log& log) {
  constexpr std::uint64_t kMiB = 1U << 20;
  const OuterLimits limits = limits_with(memory);
  const MemoryShares shares = shares_of(limits, {.cache = wanted.cache_bytes,
                                                 .in_flight = wanted.max_memory_in_flight,
                                                 .pictures = wanted.open_pictures_bytes,
                                                 .threads = 0});
  if (shares.cache != wanted.cache_bytes || shares.in_flight != wanted.max_memory_in_flight) {
    log.info(std::to_string(limits.memory / kMiB) + " MiB by " + limits.memory_from + ": " +
             std::to_string(shares.cache / kMiB) + " MiB for computed pictures, " +
             std::to_string(shares.in_flight / kMiB) + " MiB for running work, " + std::to_string(shares.threads) +
             " threads");
  }
  wanted.cache_bytes = shares.cache;
  wanted.max_memory_in_flight = shares.in_flight;
  wanted.open_pictures_bytes = shares.pictures;
  if (limits.files != 0) {
    const int most = std::max(8, static_cast<int>(std::min<std::uint64_t>(limits.files, 1 << 21) / 2));
    wanted.max_open_files = std::min(wanted.max_open_files, most);
  }
  return wanted;
}

int fitted_threads(int asked, std::uint64_t memory) {
  return shares_of(limits_with(memory), {.cache = 0, .in_flight = 0, .pictures = 0, .threads = asked}).threads;
}

}  // namespace microtome::apps
