// SPDX-License-Identifier: Apache-2.0
// The host's listening sockets and the connections they accept. Loop thread only.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "base/result.hpp"
#include "host/client_connection.hpp"
#include "host/timers.hpp"
#include "net/connection.hpp"
#include "net/loop.hpp"

namespace microtome::host {

struct ListenSocket {
  int fd = -1;
  std::string text;  // as configured
  bool unlink_at_close = false;
};

// "127.0.0.1:80", "[::]:80", "/path". Code::io with a clear sentence.
[[nodiscard]] Result<ListenSocket> open_listen_socket(const std::string& text, int backlog, int unix_mode);
// A socket that somebody else has opened; finds out what it listens on.
[[nodiscard]] Result<ListenSocket> adopt_listen_socket(int fd);

class HostListener : public net::Watcher, public std::enable_shared_from_this<HostListener> {
 public:
  using Accept = std::function<void(int fd, Endpoint endpoint)>;
  HostListener(std::shared_ptr<net::Loop> loop, std::shared_ptr<Timers> timers, ListenSocket socket, Log log,
               Accept accept);
  ~HostListener() override;
  void start();
  // Stops accepting; the socket closes (and its file goes) with `remove`.
  void stop(bool remove);
  [[nodiscard]] int fd() const { return descriptor_.fd(); }
  [[nodiscard]] const std::string& text() const { return socket_.text; }

  void readable() override;
  void writable() override {}
  void failed() override {}

 private:
  bool accept_one();
  std::shared_ptr<net::Loop> loop_;
  std::shared_ptr<Timers> timers_;
  ListenSocket socket_;
  Log log_;
  Accept accept_;
  net::Descriptor descriptor_;
  bool stopped_ = false;
};

}  // namespace microtome::host
