// SPDX-License-Identifier: Apache-2.0
#include "base/work_pool.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

namespace microtome {
namespace {

constexpr int kNicer = 10;

// Of the calling thread only: Linux keeps a nice value for each. What fails changes no answer.
void lower_priority() {
  const auto self = static_cast<id_t>(gettid());
  errno = 0;
  const int now = getpriority(PRIO_PROCESS, self);
  if (errno == 0) {
    setpriority(PRIO_PROCESS, self, std::min(19, now + kNicer));
  }
}

}  // namespace

WorkPool::WorkPool(Options options) : options_(options) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int count = options_.threads > 0 ? options_.threads : std::max(2, cores);
  thread_count_ = count;
  for (int i = 0; i < count; ++i) {
    threads_.emplace_back([this] { run(WorkClass::tile); });
  }
  for (int i = 0; i < std::max(1, count - 1); ++i) {
    threads_.emplace_back([this] { run(WorkClass::exporting); });
  }
}

WorkPool::~WorkPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_tiles_.notify_all();
  wake_exports_.notify_all();
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
    wake_of(work).notify_one();
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
  wake_of(work).notify_one();
}

std::size_t WorkPool::queued(WorkClass work) const {
  const std::lock_guard lock(mutex_);
  return work == WorkClass::tile ? tiles_.size() : exports_.size();
}

void WorkPool::run(WorkClass work) {
  if (work == WorkClass::exporting) {
    lower_priority();
  }
  std::deque<Item>& queue = queue_of(work);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_of(work).wait(lock, [&] { return stopping_ || !queue.empty(); });
    if (stopping_) {
      return;
    }
    Item item = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    item.job(item.cancel.cancelled());
    item = {};  // frees what the job holds outside the lock
    lock.lock();
  }
}

}  // namespace microtome
