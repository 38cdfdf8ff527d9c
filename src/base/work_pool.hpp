// SPDX-License-Identifier: Apache-2.0
// WorkPool: two bounded queues, tiles (a person waits) and exports (a file is made), each with threads of its own;
// those of exports have a lower priority (nice 10 more), so that they take what tiles leave of the processors. Loop
// threads never block; everything that may (disk, decoding, scaling, encoding) runs here. Thread-safe. Jobs must not
// throw. The destructor runs no further queued job and joins the threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"

namespace microtome {

enum class WorkClass { tile, exporting };

struct WorkPoolOptions {
  int threads = 0;  // for tiles, and all but one as many for exports; 0: one per core, at least 2
  std::size_t max_tiles = 4096;
  std::size_t max_exports = 64;
};

class WorkPool {
 public:
  using Options = WorkPoolOptions;
  // `cancelled` is true when the token was cancelled before the job began: then only tell the waiters.
  using Job = std::function<void(bool cancelled)>;

  explicit WorkPool(Options options = {});
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Queues `job`; Code::overloaded when its queue is full (the job is then dropped, never run).
  // At most threads-1 exports (but one) run at a time.
  // A full queue first loses the jobs whose token is cancelled: these run at once, on the calling thread, as
  // job(true), so that clients that have gone never keep out one that waits.
  Result<void> submit(WorkClass work, CancelToken cancel, Job job);

  // Puts a job that was admitted before back in front of its queue; never refused, whatever the queue's length.
  void put_back(WorkClass work, CancelToken cancel, Job job);

  [[nodiscard]] std::size_t queued(WorkClass work) const;
  [[nodiscard]] int threads() const { return thread_count_; }  // for tiles

 private:
  struct Item {
    CancelToken cancel;
    Job job;
  };
  void run(WorkClass work);
  std::deque<Item>& queue_of(WorkClass work) { return work == WorkClass::tile ? tiles_ : exports_; }
  std::condition_variable& wake_of(WorkClass work) { return work == WorkClass::tile ? wake_tiles_ : wake_exports_; }

  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_tiles_;
  std::condition_variable wake_exports_;
  std::deque<Item> tiles_;
  std::deque<Item> exports_;
  bool stopping_ = false;
  int thread_count_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace microtome
