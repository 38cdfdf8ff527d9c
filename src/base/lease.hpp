// SPDX-License-Identifier: Apache-2.0
// Lease: until when something that was looked up may be taken as it is without looking again. Whoever looks extends
// or ends it; whoever built on the result holds it and asks. Thread-safe, relaxed: a reader may see an end a moment
// late.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace microtome {

class Lease {
 public:
  explicit Lease(std::int64_t until_ns = 0) : until_ns_(until_ns) {}
  // Nanoseconds of the steady clock.
  static std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  [[nodiscard]] bool holds(std::int64_t now_ns) const { return now_ns < until_ns_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t until_ns() const { return until_ns_.load(std::memory_order_relaxed); }
  void extend(std::int64_t until_ns) { until_ns_.store(until_ns, std::memory_order_relaxed); }
  // True for the one caller that changes `seen` to `until_ns`.
  bool claim(std::int64_t& seen, std::int64_t until_ns) { return until_ns_.compare_exchange_strong(seen, until_ns); }
  void end() { until_ns_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> until_ns_;
};

using LeasePtr = std::shared_ptr<const Lease>;

}  // namespace microtome
