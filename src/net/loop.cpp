// SPDX-License-Identifier: Apache-2.0
#include "net/loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "http/date.hpp"

namespace microtome::net {

struct Loop::Watched {
  std::shared_ptr<Watcher> reader;
  std::shared_ptr<Watcher> writer;
  bool unread = true;   // there may be something to read
  bool ended = false;   // the peer has closed, or an error: reading tells at once, for ever
  bool queued = false;  // in ready_
  bool failed = false;  // the kernel would not watch it
  bool open = true;
};

Loop::Loop(std::chrono::milliseconds tick_interval)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      tick_interval_(tick_interval) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
}

Loop::~Loop() {
  ::close(wake_);
  ::close(epoll_);
}

bool Loop::usable() const {
  return epoll_ >= 0 && wake_ >= 0;
}

void Loop::run() {
  thread_ = std::this_thread::get_id();
  while (!quitting_) {
    collect(timeout_ms());
    run_ready();
    run_jobs();
    dead_.clear();
    run_ticks();
  }
  std::vector<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(jobs_);
  }
  ready_.clear();
  dead_.clear();
}

void Loop::quit() {
  quitting_ = true;
}

bool Loop::on_thread() const {
  return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void Loop::post(std::function<void()> job) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      return;
    }
    wake = jobs_.empty();
    jobs_.push_back(std::move(job));
    has_jobs_ = true;
  }
  if (wake && !on_thread()) {
    const std::uint64_t one = 1;
    (void)!write(wake_, &one, sizeof one);  // an overflow is a wake-up, too
  }
}

void Loop::run_jobs() {
  if (!has_jobs_.load(std::memory_order_acquire)) {
    return;
  }
  std::vector<std::function<void()>> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
    has_jobs_ = false;
  }
  for (auto& job : jobs) {
    job();
    job = nullptr;
  }
}

int Loop::timeout_ms() const {
  if (!ready_.empty() || has_jobs_.load(std::memory_order_acquire)) {
    return 0;
  }
  if (ticked_.empty()) {
    return -1;
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next_tick_ - now()).count();
  return static_cast<int>(std::max<std::int64_t>(0, left + 1));
}

// Falling asleep and waking up for one event costs as much as reading and parsing a request. Where many come, a short
// rest first lets the next ones arrive; where they queue already, none is needed.
void Loop::gather_events() {
  constexpr std::chrono::milliseconds kWindow{8};
  constexpr std::size_t kBusy = 10;  // events a millisecond
  constexpr int kPlenty = 16;
  const auto time = now();
  if (const auto past = time - window_begin_; past >= kWindow) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(past).count();
    busy_ = window_events_ > kBusy * static_cast<std::size_t>(ms);
    window_events_ = 0;
    window_begin_ = time;
  }
  if (busy_ && last_events_ < kPlenty) {
    const timespec rest{0, rest_.count() * 1000};
    nanosleep(&rest, nullptr);
  }
}

// Waits for events and tells those who wait for them.
void Loop::collect(int timeout_ms) {
  if (rest_.count() > 0 && timeout_ms != 0) {
    gather_events();
  }
  std::array<epoll_event, 128> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  last_events_ = count;
  window_events_ += static_cast<std::size_t>(std::max(count, 0));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr != nullptr) {  // null: the wake-up; edge-triggered, it needs no reading
      deliver(*static_cast<Watched*>(event.data.ptr), event.events);
    }
  }
}

void Loop::deliver(Watched& watched, unsigned events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    watched.ended = true;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    watched.unread = true;
    if (const auto reader = std::exchange(watched.reader, nullptr)) {
      reader->readable();
    }
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    if (const auto writer = std::exchange(watched.writer, nullptr)) {
      writer->writable();
    }
  }
}

void Loop::run_ready() {
  // Waits that begin in here come next time, after new events had their turn.
  std::vector<std::shared_ptr<Watched>> ready;
  ready.swap(ready_);
  for (const auto& watched : ready) {
    watched->queued = false;
    if (!watched->open) {
      continue;
    }
    const auto reader = std::exchange(watched->reader, nullptr);
    if (watched->failed) {
      const auto writer = std::exchange(watched->writer, nullptr);
      (reader ? reader : writer)->failed();
    } else if (reader) {
      reader->readable();
    }
  }
}

void Loop::add(Ticked& ticked) {
  if (ticked_.empty()) {
    next_tick_ = now() + tick_interval_;
  }
  ticked.place_ = ticked_.size();
  ticked_.push_back(&ticked);
}

void Loop::remove(Ticked& ticked) {
  ticked_.back()->place_ = ticked.place_;
  ticked_[ticked.place_] = ticked_.back();
  ticked_.pop_back();
}

void Loop::tick_fast() {
  tick_interval_ = std::chrono::milliseconds(10);
  next_tick_ = now();
}

void Loop::run_ticks() {
  const auto time = now();
  if (ticked_.empty() || time < next_tick_) {
    return;
  }
  next_tick_ = time + tick_interval_;
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
    return std::make_unique<SendQueue>(&resident_);
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

Descriptor::Descriptor(Loop& loop, int fd) : loop_(loop), fd_(fd) {}

Descriptor::~Descriptor() {
  close();
}

// False when the kernel does not watch it; whoever waits hears of it soon.
bool Descriptor::watched() {
  if (watched_) {
    return !watched_->failed;
  }
  watched_ = std::make_shared<Loop::Watched>();
  watched_->unread = false;  // the first event says it
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = watched_.get();
  watched_->failed = epoll_ctl(loop_.epoll_, EPOLL_CTL_ADD, fd_, &event) != 0;
  return !watched_->failed;
}

void Descriptor::wait_readable(std::shared_ptr<Watcher> watcher) {
  const bool fine = watched();
  watched_->reader = std::move(watcher);
  if ((!fine || watched_->unread || watched_->ended) && !std::exchange(watched_->queued, true)) {
    loop_.ready_.push_back(watched_);
  }
}

void Descriptor::wait_writable(std::shared_ptr<Watcher> watcher) {
  const bool fine = watched();
  watched_->writer = std::move(watcher);
  if (!fine && !std::exchange(watched_->queued, true)) {
    loop_.ready_.push_back(watched_);
  }
}

void Descriptor::drained() {
  if (watched_) {
    watched_->unread = false;
  }
}

void Descriptor::close() {
  if (fd_ < 0) {
    return;
  }
  if (watched_) {
    if (!watched_->failed) {
      // Closing alone is not enough while another process has it open: a successor, or a child between fork and exec.
      // The kernel would go on to tell us of it, by the address of what is freed here.
      epoll_ctl(loop_.epoll_, EPOLL_CTL_DEL, fd_, nullptr);
    }
    watched_->open = false;
    watched_->reader.reset();
    watched_->writer.reset();
    loop_.dead_.push_back(std::move(watched_));
  }
  ::close(fd_);
  fd_ = -1;
}

}  // namespace microtome::net
