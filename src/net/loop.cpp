// SPDX-License-Identifier: Apache-2.0
#include "net/loop.hpp"

#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "http/date.hpp"

namespace microtome::net {

namespace asio = boost::asio;

struct Loop::Core {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::steady_timer timer{context};
  std::atomic<std::thread::id> thread;

  // Posted jobs do not lie in Asio's queue: a job may own what owns the loop, and must be droppable without it.
  std::mutex mutex;
  std::deque<std::function<void()>> jobs;
  bool closed = false;
};

Loop::Loop(std::chrono::milliseconds tick_interval)
    : core_(std::make_unique<Core>()), tick_interval_(tick_interval) {}

Loop::~Loop() = default;

void Loop::run() {
  core_->thread = std::this_thread::get_id();
  core_->context.run();
  // Waits that closing has dropped still own their connections, and these own the loop: let them go.
  core_->context.restart();
  core_->context.poll();
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(core_->mutex);
    core_->closed = true;
    dropped.swap(core_->jobs);
  }
}

void Loop::quit() {
  core_->context.stop();
}

bool Loop::on_thread() const {
  return core_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void Loop::post(std::function<void()> job) {
  const std::lock_guard lock(core_->mutex);
  if (core_->closed) {
    return;
  }
  core_->jobs.push_back(std::move(job));
  if (core_->jobs.size() == 1) {
    asio::post(core_->context, [this] { drain(); });
  }
}

void Loop::drain() {
  std::deque<std::function<void()>> jobs;
  {
    const std::lock_guard lock(core_->mutex);
    jobs.swap(core_->jobs);
  }
  for (auto& job : jobs) {
    job();
    job = nullptr;
  }
}

void Loop::add(Ticked& ticked) {
  ticked.place_ = ticked_.size();
  ticked_.push_back(&ticked);
  arm_tick();
}

void Loop::remove(Ticked& ticked) {
  ticked_.back()->place_ = ticked.place_;
  ticked_[ticked.place_] = ticked_.back();
  ticked_.pop_back();
}

void Loop::arm_tick() {
  if (tick_armed_ || ticked_.empty()) {
    return;
  }
  tick_armed_ = true;
  core_->timer.expires_after(tick_interval_);
  core_->timer.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      tick_armed_ = false;
      run_ticks();
      arm_tick();
    }
  });
}

void Loop::tick_fast() {
  tick_interval_ = std::chrono::milliseconds(10);
  tick_armed_ = false;
  core_->timer.cancel();
  arm_tick();
}

void Loop::run_ticks() {
  const auto time = now();
  // Backwards: a ticked object that removes itself puts the last one, already visited, in its place.
  for (std::size_t i = ticked_.size(); i-- > 0;) {
    if (i < ticked_.size()) {
      ticked_[i]->tick(time);
    }
  }
}

std::string_view Loop::date() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  if (time.tv_sec != date_second_) {
    date_second_ = time.tv_sec;
    date_ = http::format_date(date_second_);
  }
  return date_;
}

std::unique_ptr<SendQueue> Loop::take_queue() {
  if (spare_queues_.empty()) {
    return std::make_unique<SendQueue>();
  }
  auto queue = std::move(spare_queues_.back());
  spare_queues_.pop_back();
  return queue;
}

void Loop::give_back(std::unique_ptr<SendQueue> queue) {
  constexpr std::size_t kSpares = 16;
  if (spare_queues_.size() < kSpares) {
    queue->clear();
    spare_queues_.push_back(std::move(queue));
  }
}

Clock::time_point Loop::now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return Clock::time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

struct Descriptor::Registered {
  explicit Registered(asio::io_context& context) : stream(context) {}
  asio::posix::stream_descriptor stream;
};

Descriptor::Descriptor(Loop& loop, int fd) : loop_(loop), fd_(fd) {}

Descriptor::~Descriptor() {
  close();
}

void Descriptor::wait_readable(std::shared_ptr<Watcher> watcher) {
  wait(Kind::read, std::move(watcher));
}

void Descriptor::wait_writable(std::shared_ptr<Watcher> watcher) {
  wait(Kind::write, std::move(watcher));
}

void Descriptor::wait(Kind kind, std::shared_ptr<Watcher> watcher) {
  using Stream = asio::posix::stream_descriptor;
  if (!registered_) {
    auto fresh = std::make_unique<Registered>(loop_.core().context);
    boost::system::error_code error;
    fresh->stream.assign(fd_, error);
    if (error) {
      loop_.post([watcher = std::move(watcher)] { watcher->failed(); });
      return;
    }
    registered_ = std::move(fresh);
  }
  registered_->stream.async_wait(kind == Kind::read ? Stream::wait_read : Stream::wait_write,
                                 [kind, watcher = std::move(watcher)](const boost::system::error_code& error) {
                                   if (error == asio::error::operation_aborted) {
                                     return;
                                   }
                                   if (error) {
                                     watcher->failed();
                                   } else if (kind == Kind::read) {
                                     watcher->readable();
                                   } else {
                                     watcher->writable();
                                   }
                                 });
}

void Descriptor::close() {
  if (registered_) {
    boost::system::error_code ignored;
    registered_->stream.close(ignored);
    registered_.reset();
  } else if (fd_ >= 0) {
    ::close(fd_);
  }
  fd_ = -1;
}

}  // namespace microtome::net
