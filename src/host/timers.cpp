// SPDX-License-Identifier: Apache-2.0
#include "host/timers.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace microtome::host {

std::shared_ptr<Timers> Timers::make(std::shared_ptr<net::Loop> loop) {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  return fd < 0 ? nullptr : std::make_shared<Timers>(std::move(loop), fd);
}

Timers::Timers(std::shared_ptr<net::Loop> loop, int fd) : loop_(std::move(loop)), descriptor_(*loop_, fd) {}

Timers::Id Timers::after(Clock::duration after, std::function<void()> job) {
  const auto when = Clock::now() + after;
  const Id id = ++last_;
  jobs_.emplace(std::pair(when, id), std::move(job));
  times_.emplace(id, when);
  arm();
  return id;
}

void Timers::cancel(Id& id) {
  const auto found = times_.find(id);
  if (found != times_.end()) {
    jobs_.erase({found->second, id});
    times_.erase(found);  // the kernel's timer stays armed: waking once for nothing is cheaper than setting it again
  }
  id = 0;
}

void Timers::close() {
  jobs_.clear();
  times_.clear();
  descriptor_.close();
}

void Timers::arm() {
  if (jobs_.empty() || descriptor_.fd() < 0) {
    return;
  }
  const auto when = jobs_.begin()->first.first;
  if (when < armed_) {
    armed_ = when;
    const auto nanoseconds = std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count());
    itimerspec at{};
    at.it_value.tv_sec = nanoseconds / 1'000'000'000;
    at.it_value.tv_nsec = nanoseconds % 1'000'000'000;
    timerfd_settime(descriptor_.fd(), TFD_TIMER_ABSTIME, &at, nullptr);
  }
  if (!waiting_) {
    waiting_ = true;
    descriptor_.wait_readable(shared_from_this());
  }
}

void Timers::readable() {
  waiting_ = false;
  const auto self = shared_from_this();
  std::uint64_t expirations = 0;
  if (::read(descriptor_.fd(), &expirations, sizeof expirations) < 0) {
    expirations = 0;  // somebody was faster: look at the clock all the same
  }
  descriptor_.drained();
  armed_ = Clock::time_point::max();
  const auto now = Clock::now();
  const Id newest = last_;  // what a job adds waits for the next turn
  while (!jobs_.empty() && jobs_.begin()->first.first <= now && jobs_.begin()->first.second <= newest) {
    auto job = std::move(jobs_.begin()->second);
    times_.erase(jobs_.begin()->first.second);
    jobs_.erase(jobs_.begin());
    job();
  }
  arm();
}

}  // namespace microtome::host
