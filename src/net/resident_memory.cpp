// SPDX-License-Identifier: Apache-2.0
#include "net/resident_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <new>

namespace microtome::net {
namespace {

constexpr std::uint32_t kSecond = 1024;
constexpr std::uint32_t kRemember = 2 * kSecond;

std::uint32_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return static_cast<std::uint32_t>(time.tv_sec) * kSecond + static_cast<std::uint32_t>(time.tv_nsec / 976'563);
}

std::uint64_t key_of(const io::FileId& id, std::uint64_t region) {
  std::uint64_t key = id.device;
  for (const std::uint64_t part : {id.inode, id.size, static_cast<std::uint64_t>(id.mtime_ns), region}) {
    key = (key ^ part) * 0x9e3779b97f4a7c15ULL;
    key ^= key >> 29;
  }
  return key;
}

}  // namespace

bool ResidentMemory::region_resident(const io::File& file, std::uint64_t region) {
  if (!sets_) {
    sets_.reset(static_cast<Set*>(std::calloc(kSets, sizeof(Set))));  // NOLINT: resize() would write to all of it
    if (!sets_) {
      throw std::bad_alloc();
    }
  }
  const io::FileId& id = file.id();
  const std::uint64_t key = key_of(id, region);
  const std::uint32_t time = now();
  // How long an entry still holds; wraps to something large when it is over.
  const auto left = [time](const Known& known) { return known.until - time; };
  Set& set = sets_[key % kSets];
  Known* oldest = set.data();
  for (Known& known : set) {
    if (known.key == key && left(known) <= kRemember) {
      return known.whole;
    }
    const std::uint32_t age = left(known) <= kRemember ? left(known) : 0;
    oldest = age < (left(*oldest) <= kRemember ? left(*oldest) : 0) ? &known : oldest;
  }
  const std::uint64_t begin = region * kRegion;
  const bool whole = begin < id.size && file.resident(begin, std::min(kRegion, id.size - begin));
  *oldest = {key, time + kRemember, whole};
  return whole;
}

bool ResidentMemory::resident(const io::File& file, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t first = offset / kRegion;
  const std::uint64_t last = (offset + length - 1) / kRegion;
  if (region_resident(file, first) && (first == last || region_resident(file, last))) {
    return true;
  }
  return file.resident(offset, length);  // the neighbourhood may be cold, but this is what is wanted
}

}  // namespace microtome::net
