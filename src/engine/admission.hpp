// SPDX-License-Identifier: Apache-2.0
// Admission: keeps the decoded pixels of all running jobs within a number of bytes. A job that does not fit now is
// parked and goes back to the pool when others have finished; it is never refused for that, and never waits for ever:
// after a number of others have gone past the oldest one parked, nobody goes past any more.
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>

#include "base/work_pool.hpp"

namespace microtome::engine {

class Admission {
 public:
  Admission(std::uint64_t max_bytes, WorkPool& pool) : max_bytes_(max_bytes), pool_(pool) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // False when a job of so many bytes could never run.
  [[nodiscard]] bool possible(std::uint64_t bytes) const { return bytes <= max_bytes_; }

  // On a worker, before a job begins: true = go (leave() afterwards); false = `job` is parked and will be called by
  // the pool with the same bytes reserved already.
  [[nodiscard]] bool enter(std::uint64_t bytes, WorkClass work, const CancelToken& cancel, WorkPool::Job job);
  void leave(std::uint64_t bytes);

  [[nodiscard]] std::uint64_t in_flight() const;
  [[nodiscard]] std::size_t parked() const;

 private:
  struct Parked {
    std::uint64_t bytes;
    WorkClass work;
    CancelToken cancel;
    WorkPool::Job job;
  };
  static constexpr int kMostOvertaken = 64;

  std::uint64_t max_bytes_;
  WorkPool& pool_;
  mutable std::mutex mutex_;
  std::uint64_t used_ = 0;
  int overtaken_ = 0;  // how many went past the front of parked_
  std::deque<Parked> parked_;
};

}  // namespace microtome::engine
