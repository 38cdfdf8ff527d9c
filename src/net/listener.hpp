// SPDX-License-Identifier: Apache-2.0
// Listening sockets: addresses as people write them, binding, and what was inherited from a parent.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/server.hpp"

namespace microtome::net {

struct ListenAddress {
  enum class Kind { tcp, unix_socket, inherited } kind = Kind::tcp;
  std::string host;  // numeric
  int port = 0;
  std::string path;
  int fd = -1;
};

// "127.0.0.1:8080", "[::]:8080", ":8080" and "localhost:8080" (both loopback), "*:8080" (everywhere, IPv4),
// "unix:/path", "/path", "fd:0". Code::bad_request for anything else, host names included.
[[nodiscard]] Result<ListenAddress> parse_listen(std::string_view text);

// One listening socket. Closes it; a unix socket that we made is unlinked, too.
class Listener {
 public:
  // Binds and listens. With `reuse_port` further sockets can be had from again().
  static Result<std::unique_ptr<Listener>> open(const Listen& listen, bool reuse_port);
  // A second socket of the same address for another loop: its own queue for TCP, else the same socket once more.
  [[nodiscard]] Result<std::unique_ptr<Listener>> again() const;
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int release();  // the caller closes it; unlinking stays here
  [[nodiscard]] Speak speak() const { return listen_.speak; }
  [[nodiscard]] bool is_tcp() const { return tcp_; }
  // No other loop or process takes connections from this socket.
  [[nodiscard]] bool exclusive() const { return tcp_ && address_.kind == ListenAddress::Kind::tcp; }
  // "http://127.0.0.1:34567/", "fastcgi 127.0.0.1:9000", "fastcgi unix:/run/x.sock".
  [[nodiscard]] std::string shown() const;

 private:
  Listener(Listen listen, ListenAddress address, int fd);
  Result<void> finish();
  Listen listen_;
  ListenAddress address_;
  int fd_;
  bool tcp_ = false;
  bool owns_path_ = false;
  std::string shown_;
};

}  // namespace microtome::net
