// SPDX-License-Identifier: Apache-2.0
// Counter: a number that many threads add to and a status page reads. Relaxed: readers see recent, not simultaneous,
// values. On a cache line of its own, so that loop threads that count different things do not slow each other.
#pragma once

#include <atomic>
#include <cstdint>

namespace microtome {

class alignas(64) Counter {
 public:
  void add(std::int64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace microtome
