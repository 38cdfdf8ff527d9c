// SPDX-License-Identifier: Apache-2.0
// Sockets towards apps: the listening ones that apps inherit, and connections to them. Pure system calls;
// thread-safe.
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/result.hpp"

namespace microtome::host {

// Where an app listens.
struct BackendAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text;  // "unix:/path" or "127.0.0.1:9000"

  static Result<BackendAddress> local(const std::string& path);
  // `host` is numeric, or a name that is looked up now (may block: at start only).
  static Result<BackendAddress> tcp(const std::string& host, int port);
  [[nodiscard]] bool is_local() const { return storage.ss_family == AF_UNIX; }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] std::string path() const { return is_local() ? text.substr(5) : std::string{}; }
};

// A listening socket. A unix socket is bound beside its name ("PATH.new") until settle_for_app() moves it there: then
// it replaces the file, whoever still listens to that: it is ours by configuration, and an orphan of an earlier life
// must not keep it. It gets mode 0600 at once.
[[nodiscard]] Result<int> listen_for_app(const BackendAddress& address, int backlog);
[[nodiscard]] Result<void> settle_for_app(const BackendAddress& address);
// Removes what listen_for_app() has bound and nobody has settled.
void forget_for_app(const BackendAddress& address);
// A second socket that listens to a TCP address beside `other`, which must be one of this user's. So processes of two
// generations never take each other's connections, nor change each other's file status flags (an event loop that sets
// descriptor 0 back to blocking when it ends would stop another one in accept()). Connections that nobody has
// accepted yet stay with the socket they came to; new ones come to either until aim_at() is called.
[[nodiscard]] Result<int> listen_beside(int other, const BackendAddress& address, int backlog);
// From now on every new connection to the TCP address comes to the socket that listen_beside() opened last. Where the
// kernel cannot do that they are spread over all, and nothing is lost as long as all are served.
void aim_at(int fd, const BackendAddress& address);

enum class Connect { done, pending, refused, busy };
struct Connected {
  Connect state = Connect::refused;
  int fd = -1;
  int error = 0;  // errno of refused and busy
};
// Begins to connect, without blocking. pending: it is connected when the socket is writable and connect_error() is 0.
[[nodiscard]] Connected connect_to_app(const BackendAddress& address);
[[nodiscard]] int connect_error(int fd);

}  // namespace microtome::host
