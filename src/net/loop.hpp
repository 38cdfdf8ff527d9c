// SPDX-License-Identifier: Apache-2.0
// Loop: one event loop, run by one thread. Descriptor: a file descriptor that the loop watches.
// Linux: epoll and eventfd.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/send_queue.hpp"

namespace microtome::net {

using Clock = std::chrono::steady_clock;

// Something that waits for a descriptor. Called on the loop thread.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void readable() = 0;
  virtual void writable() = 0;
  // The kernel refuses to watch it; nothing more will come.
  virtual void failed() = 0;
};

// Something with deadlines. Called on the loop thread, every Loop::tick_interval.
class Ticked {
 public:
  virtual ~Ticked() = default;
  virtual void tick(Clock::time_point now) = 0;

 private:
  friend class Loop;
  std::size_t place_ = 0;
};

class Loop {
 public:
  explicit Loop(std::chrono::milliseconds tick_interval);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // False when the process is out of descriptors; it must not be run then.
  [[nodiscard]] bool usable() const;

  // Runs until quit(), then drops what was posted and takes no more. Once.
  void run();
  // Loop thread only.
  void quit();

  // From any thread: runs `job` on the loop thread, soon, never inside post(). Dropped when the loop has ended.
  void post(std::function<void()> job);
  [[nodiscard]] bool on_thread() const;

  // The rest is for the loop thread only.
  void add(Ticked& ticked);
  void remove(Ticked& ticked);
  [[nodiscard]] const std::vector<Ticked*>& ticked() const { return ticked_; }
  // Ticks every 10 ms from now on: while draining, so that the end is seen at once.
  void tick_fast();
  // Before run(): while more than 10,000 events a second come, the loop rests `rest` before it asks for the next
  // ones, so that several are there and one sleep serves them all. 0: never.
  void gather(std::chrono::microseconds rest) { rest_ = rest; }
  // Coarse (4 ms) and cheap.
  [[nodiscard]] static Clock::time_point now();
  // Value of the Date header; made once a second.
  [[nodiscard]] std::string_view date();
  // For bytes on their way in or out; valid until the caller returns to the loop or suspends.
  [[nodiscard]] std::span<char> scratch() { return scratch_; }
  // Queues are lent for the time of an answer, so that idle connections hold none.
  [[nodiscard]] std::unique_ptr<SendQueue> take_queue();
  void give_back(std::unique_ptr<SendQueue> queue);

 private:
  friend class Descriptor;
  struct Watched;  // what the kernel's events point to

  void watch(const std::shared_ptr<Watched>& watched, int fd);
  void collect(int timeout_ms);
  void gather_events();
  void deliver(Watched& watched, unsigned events);
  void run_ready();
  void run_jobs();
  void run_ticks();
  [[nodiscard]] int timeout_ms() const;

  int epoll_ = -1;
  int wake_ = -1;  // eventfd
  std::atomic<std::thread::id> thread_;
  bool quitting_ = false;

  std::mutex mutex_;
  std::vector<std::function<void()>> jobs_;
  std::atomic<bool> has_jobs_{false};
  bool closed_ = false;

  std::vector<std::shared_ptr<Watched>> ready_;  // waits that need no event: there are bytes left from the last one
  std::vector<std::shared_ptr<Watched>> dead_;   // closed while events of them may still lie in the batch

  std::chrono::microseconds rest_{0};
  bool busy_ = false;              // in the last window
  std::size_t window_events_ = 0;  // so far
  int last_events_ = 0;            // of the last look
  Clock::time_point window_begin_;

  std::chrono::milliseconds tick_interval_;
  Clock::time_point next_tick_;
  std::vector<Ticked*> ticked_;
  std::int64_t date_second_ = -1;
  std::string date_;
  ResidentMemory resident_;
  std::vector<std::unique_ptr<SendQueue>> spare_queues_;
  std::array<char, 64 * 1024> scratch_;
};

// Owns `fd` and closes it. It meets the kernel's poller only at the first wait: a FastCGI connection that is served
// and closed in one go never does; and only once: the poller tells of edges, and what was not yet read is remembered
// here. Loop thread only.
class Descriptor {
 public:
  Descriptor(Loop& loop, int fd);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  // Calls watcher->readable() (writable()) once, when it is; never inside. At most one wait of each kind at a time.
  void wait_readable(std::shared_ptr<Watcher> watcher);
  // Only after a call that could not send everything.
  void wait_writable(std::shared_ptr<Watcher> watcher);
  // Everything there was has been read (EAGAIN, or fewer bytes than asked for). Without this, the next wait ends at
  // once.
  void drained();
  void close();  // waits are dropped

 private:
  bool watched();
  Loop& loop_;
  int fd_;
  std::shared_ptr<Loop::Watched> watched_;
};

}  // namespace microtome::net
