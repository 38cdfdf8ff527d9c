// SPDX-License-Identifier: Apache-2.0
// Connection: what an HTTP and a FastCGI connection have in common: a socket, what it waits for, and a deadline.
// Everything happens on the thread of its loop. The connection's coroutine owns it while it runs.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/work_pool.hpp"
#include "http/message.hpp"
#include "net/address_set.hpp"
#include "net/co.hpp"
#include "net/loop.hpp"
#include "net/send_queue.hpp"
#include "net/server.hpp"

namespace microtome::net {

// What all connections of a server share; immutable while it runs.
struct Shared {
  ServerOptions options;
  http::Handler handler;
  WorkPool& pool;
  Log log;
  AddressSet trusted;      // proxies whose forwarding headers count
  AddressSet web_servers;  // FCGI_WEB_SERVER_ADDRS; empty: everybody
};

// Who is at the other end.
struct Peer {
  std::string address;   // "192.0.2.1", "::1", "" for a unix socket
  bool local = false;    // unix socket
  bool trusted = false;  // a proxy whose forwarding headers count
};

class Connection : public Watcher, public Ticked, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, std::shared_ptr<const Shared> shared, int fd, Peer peer,
             std::atomic<std::size_t>& count);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Begins to serve; keeps itself alive until it has ended.
  virtual void start() = 0;
  // The server stops: ends when what runs is answered, at once when idle.
  void stop() { wake(kStop); }
  // Ends now.
  void abort() { wake(kAbort); }
  // Nothing is going on: may be closed to make room.
  [[nodiscard]] bool idle() const { return idle_; }

  void readable() final {
    reading_ = false;
    wake(kReadable);
  }
  void writable() final {
    writing_ = false;
    wake(kWritable);
  }
  void failed() final { wake(kAbort); }
  void tick(Clock::time_point now) final;

 protected:
  // Events. kStop and kAbort stay set once they happened, the others are taken by who waits for them.
  enum Event : unsigned {
    kReadable = 1,
    kWritable = 2,
    kAnswered = 4,  // an answer, a piece of one, or a file range has arrived
    kExpired = 8,   // the deadline has passed
    kStop = 16,
    kAbort = 32,
  };
  void wake(unsigned events);
  [[nodiscard]] bool happened(unsigned events) const { return (events_ & events) != 0; }

  // `co_await next(kReadable | kExpired)`: which of these, or kAbort, has happened.
  struct Next {
    Connection& connection;
    unsigned mask;
    bool await_ready() const { return (connection.events_ & mask) != 0; }
    void await_suspend(std::coroutine_handle<> handle) const {
      connection.waiting_ = handle;
      connection.mask_ = mask;
    }
    unsigned await_resume() const {
      const unsigned events = connection.events_ & mask;
      connection.events_ &= ~(events & ~(kStop | kAbort));
      return events;
    }
  };
  [[nodiscard]] Next next(unsigned mask) { return {*this, mask | kAbort}; }

  enum class Got { bytes, nothing, end, reset };
  // Receives into the loop's scratch buffer (`got` is a part of it), at most `limit` bytes.
  Got receive(std::span<char>& got, std::size_t limit = SIZE_MAX);
  // For who receives otherwise: everything there was has been taken.
  void input_drained() { descriptor_.drained(); }
  // After Got::end: whether the peer has closed altogether. A unix socket tells; on TCP one that only stopped writing
  // looks the same, and counts as gone.
  [[nodiscard]] bool peer_has_left() const;
  // The peer has sent something that was not received yet.
  [[nodiscard]] bool bytes_wait() const;
  void watch_readable();
  void watch_writable();

  void set_deadline(Clock::duration after) { deadline_ = Loop::now() + after; }
  void no_deadline() { deadline_ = Clock::time_point::max(); }

  // Brings the cold range of `queue` into the page cache on a worker, then wakes with kAnswered and sets `warm`.
  void warm(const io::FileRange& range);
  [[nodiscard]] bool warm_done() { return std::exchange(warm_done_, false); }
  // Runs `job` on the loop thread if this connection still lives then. From any thread.
  template <class Derived, class Job>
  static void post(const std::shared_ptr<Loop>& loop, std::weak_ptr<Derived> connection, Job job) {
    loop->post([connection = std::move(connection), job = std::move(job)]() mutable {
      if (auto self = connection.lock()) {
        job(*self);
      }
    });
  }

  // Closing with unread bytes would make the kernel send a reset, and that can destroy the answer on its way: says
  // that we are done, and reads by `receive(got)` until the client has seen it, two seconds at the most.
  template <class Receive>
  Co<bool> linger_with(Receive receive) {
    constexpr std::size_t kMost = 1 << 20;
    shutdown(fd(), SHUT_WR);
    set_deadline(std::chrono::seconds(2));
    for (std::size_t dropped = 0; dropped < kMost;) {
      std::span<char> got;
      const Got what = receive(got);
      if (what == Got::bytes) {
        dropped += got.size();
        continue;
      }
      if (what != Got::nothing) {
        break;
      }
      watch_readable();
      const unsigned events = co_await next(kReadable | kExpired);
      if ((events & kReadable) == 0 || (events & kAbort) != 0) {
        break;
      }
    }
    co_return true;
  }

  // Closes: `reset` tells the peer that this was not a proper end.
  void close(bool reset = false);
  [[nodiscard]] bool closed() const { return descriptor_.fd() < 0; }

  [[nodiscard]] Loop& loop() { return *loop_; }
  [[nodiscard]] const std::shared_ptr<Loop>& loop_pointer() const { return loop_; }
  [[nodiscard]] const Shared& shared() const { return *shared_; }
  [[nodiscard]] const ServerOptions& options() const { return shared_->options; }
  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] int fd() const { return descriptor_.fd(); }
  [[nodiscard]] bool stopping() const { return happened(kStop | kAbort); }
  void set_idle(bool idle) { idle_ = idle; }

 private:
  std::shared_ptr<Loop> loop_;
  std::shared_ptr<const Shared> shared_;
  Descriptor descriptor_;
  Peer peer_;
  std::atomic<std::size_t>& count_;  // of the server; outlives every connection that is not closed
  Clock::time_point deadline_ = Clock::time_point::max();
  std::coroutine_handle<> waiting_;
  unsigned mask_ = 0;
  unsigned events_ = 0;
  bool reading_ = false;  // a wait for bytes is under way
  bool writing_ = false;
  bool idle_ = false;
  bool warm_done_ = false;
};

}  // namespace microtome::net
