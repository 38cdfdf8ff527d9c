// SPDX-License-Identifier: Apache-2.0
// Timers: calls functions at points in time, to the millisecond, on the loop thread. Loop thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "net/loop.hpp"

namespace microtome::host {

class Timers : public net::Watcher, public std::enable_shared_from_this<Timers> {
 public:
  using Clock = std::chrono::steady_clock;
  using Id = std::uint64_t;  // 0: none

  // Null when the kernel has no timer left.
  [[nodiscard]] static std::shared_ptr<Timers> make(std::shared_ptr<net::Loop> loop);

  // Calls `job` once, `after` from now, never inside of this call.
  Id after(Clock::duration after, std::function<void()> job);
  // Does nothing when it is 0 or has run; sets it to 0.
  void cancel(Id& id);

  // Drops all jobs; nothing is called any more.
  void close();

  void readable() override;
  void writable() override {}
  void failed() override {}

  Timers(std::shared_ptr<net::Loop> loop, int fd);

 private:
  void arm();

  std::shared_ptr<net::Loop> loop_;
  net::Descriptor descriptor_;
  std::map<std::pair<Clock::time_point, Id>, std::function<void()>> jobs_;
  std::map<Id, Clock::time_point> times_;
  Id last_ = 0;
  Clock::time_point armed_ = Clock::time_point::max();
  bool waiting_ = false;
};

}  // namespace microtome::host
