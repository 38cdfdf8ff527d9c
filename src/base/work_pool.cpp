// SPDX-License-Identifier: Apache-2.0
#include "base/work_pool.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace microtome {

WorkPool::WorkPool(Options options) : options_(options) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int count = options_.threads > 0 ? options_.threads : std::max(2, cores);
  thread_count_ = count;
  for (int i = 0; i < count; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

WorkPool::~WorkPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) {
    thread.join();
  }
}

Result<void> WorkPool::submit(WorkClass work, CancelToken cancel, Job job) {
  const auto most = work == WorkClass::tile ? options_.max_tiles : options_.max_exports;
  std::vector<Item> gone;
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    auto& queue = queue_of(work);
    if (!stopping_ && queue.size() >= most) {
      std::deque<Item> kept;
      for (Item& item : queue) {
        if (item.cancel.cancelled()) {
          gone.push_back(std::move(item));
        } else {
          kept.push_back(std::move(item));
        }
      }
      queue.swap(kept);
    }
    taken = !stopping_ && queue.size() < most;
    if (taken) {
      queue.push_back({std::move(cancel), std::move(job)});
    }
  }
  if (taken) {
    wake_.notify_one();
  }
  for (auto& item : gone) {
    item.job(true);
  }
  if (!taken) {
    return fail(Code::overloaded, "too many requests are waiting");
  }
  return {};
}

void WorkPool::put_back(WorkClass work, CancelToken cancel, Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return;
    }
    queue_of(work).push_front({std::move(cancel), std::move(job)});
  }
  wake_.notify_one();
}

std::size_t WorkPool::queued(WorkClass work) const {
  const std::lock_guard lock(mutex_);
  return work == WorkClass::tile ? tiles_.size() : exports_.size();
}

void WorkPool::run() {
  std::unique_lock lock(mutex_);
  const int most_exports = std::max(1, thread_count_ - 1);
  for (;;) {
    const auto export_ready = [&] { return !exports_.empty() && exports_running_ < most_exports; };
    wake_.wait(lock, [&] { return stopping_ || !tiles_.empty() || export_ready(); });
    if (stopping_) {
      return;
    }
    const bool is_export = tiles_.empty();
    auto& queue = is_export ? exports_ : tiles_;
    Item item = std::move(queue.front());
    queue.pop_front();
    exports_running_ += is_export ? 1 : 0;
    lock.unlock();
    item.job(item.cancel.cancelled());
    item = {};  // frees what the job holds outside the lock
    lock.lock();
    if (is_export) {
      --exports_running_;
      wake_.notify_one();  // an export may have waited for this one's place
    }
  }
}

}  // namespace microtome
