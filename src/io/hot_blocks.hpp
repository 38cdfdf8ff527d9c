// SPDX-License-Identifier: Apache-2.0
// HotBlocks: which blocks of a file were found wholly in the page cache a moment ago, so that a server of small
// ranges need not ask the kernel for each of them (asking takes two to four system calls, a tenth of what sending a
// tile costs). A note is believed for two seconds; a page that is dropped within them costs one reader one wait for
// the disk. A direct-mapped table: blocks that fall on the same slot displace each other. Thread-safe; no locks.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace microtome::io {

class HotBlocks {
 public:
  static constexpr std::uint64_t kBlock = 1 << 20;  // bytes

  enum class Note : std::uint8_t {
    none,   // ask the kernel
    mixed,  // asked lately: not all of it is in memory, do not ask about the whole block again
    hot,    // all of it is in memory
  };

  [[nodiscard]] Note find(std::uint64_t block) const {
    const std::uint64_t entry = slots_[block % kSlots].load(std::memory_order_relaxed);
    if (entry >> kBlockShift != (block & kBlockMask) + 1 || ((now() - entry) & kStampMask) > kBelieved) {
      return Note::none;
    }
    return (entry & kHotBit) != 0 ? Note::hot : Note::mixed;
  }

  void note(std::uint64_t block, bool hot) {
    slots_[block % kSlots].store(((block & kBlockMask) + 1) << kBlockShift | (hot ? kHotBit : 0) | now(),
                                 std::memory_order_relaxed);
  }

 private:
  // An entry: block number + 1 (39 bits), the hot bit, the time in units of 128 ms (24 bits).
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::uint64_t kStampMask = (1 << 24) - 1;
  static constexpr std::uint64_t kHotBit = 1 << 24;
  static constexpr int kBlockShift = 25;
  static constexpr std::uint64_t kBlockMask = (1ULL << 38) - 1;
  static constexpr std::uint64_t kBelieved = 16;  // 2 s

  [[nodiscard]] static std::uint64_t now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count() >> 7) &
           kStampMask;
  }

  std::array<std::atomic<std::uint64_t>, kSlots> slots_{};
};

}  // namespace microtome::io
