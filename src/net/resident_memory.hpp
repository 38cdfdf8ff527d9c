// SPDX-License-Identifier: Apache-2.0
// ResidentMemory: remembers for two seconds which regions of files were found in the page cache. Asking the kernel
// costs 1.8 us for a tile, a fifth of a whole answer, and hot pages are not evicted so quickly; what is not
// remembered is asked for. Loop thread only.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "io/file.hpp"

namespace microtome::net {

class ResidentMemory {
 public:
  static constexpr std::uint64_t kRegion = 256 * 1024;  // bytes: one page that is missing spoils no more than this
  // Whether [offset, offset + length), of at most kRegion bytes, can be sent without waiting for the disk.
  bool resident(const io::File& file, std::uint64_t offset, std::uint64_t length);

 private:
  // Four regions share a set: with one place each, two hot regions that fall on the same place would have the kernel
  // asked for every tile, and at 700 regions in 2048 places every third is.
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kSets = 4096;  // for 4 GiB that are hot at once
  struct Known {
    std::uint64_t key = 0;    // of file and region
    std::uint32_t until = 0;  // seconds and 1/1024 of the coarse monotonic clock, modulo 2^32
    bool whole = false;       // else: something is missing, so each range of it is asked for
  };
  using Set = std::array<Known, kWays>;
  // True: all of the region is there.
  bool region_resident(const io::File& file, std::uint64_t region);
  struct Free {
    void operator()(Set* sets) const { std::free(sets); }  // NOLINT: from calloc
  };
  // Made by the first question, of zeros that the kernel gives: what no region falls on is never in memory.
  std::unique_ptr<Set[], Free> sets_;
};

}  // namespace microtome::net
