// SPDX-License-Identifier: Apache-2.0
#include "host/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace microtome::host {
namespace {

constexpr int kMostAtOnce = 32;

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un local;
  sockaddr_storage storage;
};

// Address and port as text; IPv4 in IPv6 clothes shows as IPv4.
std::pair<std::string, int> text_of(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address.v4.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(address.v4.sin_port)};
  }
  if (address.any.sa_family == AF_INET6) {
    if (IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
      inet_ntop(AF_INET, address.v6.sin6_addr.s6_addr + 12, text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &address.v6.sin6_addr, text.data(), text.size());
    }
    return {text.data(), ntohs(address.v6.sin6_port)};
  }
  return {"", 0};
}

std::string reason(const std::string& text, int error) {
  switch (error) {
    case EADDRINUSE:
      return "cannot listen on " + text + ": another program uses it";
    case EACCES:
      return "cannot listen on " + text + ": not allowed (ports below 1024 need privileges)";
    case EADDRNOTAVAIL:
      return "cannot listen on " + text + ": this machine has no such address";
    default:
      return "cannot listen on " + text + ": " + std::strerror(error);
  }
}

Result<socklen_t> fill(SocketAddress& address, const std::string& text) {
  std::memset(&address, 0, sizeof address);
  if (text.starts_with('/')) {
    if (text.size() >= sizeof address.local.sun_path) {
      return fail(Code::bad_request, "the path of the socket " + text + " has more than 107 bytes");
    }
    address.local.sun_family = AF_UNIX;
    std::memcpy(address.local.sun_path, text.c_str(), text.size() + 1);
    return sizeof address.local;
  }
  const std::size_t colon = text.rfind(':');
  const std::string host = text.substr(0, colon);
  const auto port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
  if (host.starts_with('[')) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = port;
    inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address.v6.sin6_addr);
    return sizeof address.v6;
  }
  address.v4.sin_family = AF_INET;
  address.v4.sin_port = port;
  inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr);
  return sizeof address.v4;
}

// A socket file that nobody listens on any more is removed.
bool path_is_free(const SocketAddress& address, socklen_t size) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool dead = connect(probe, &address.any, size) != 0 && errno == ECONNREFUSED;
  close(probe);
  struct stat state{};
  if (lstat(address.local.sun_path, &state) != 0) {
    return true;
  }
  return dead && S_ISSOCK(state.st_mode) && unlink(address.local.sun_path) == 0;
}

}  // namespace

Result<ListenSocket> open_listen_socket(const std::string& text, int backlog, int unix_mode) {
  SocketAddress address;
  const auto size = fill(address, text);
  if (!size) {
    return pass(size.error());
  }
  const bool local = address.any.sa_family == AF_UNIX;
  if (local && !path_is_free(address, *size)) {
    return fail(Code::io, reason(text, EADDRINUSE));
  }
  ListenSocket socket_made{socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), text, local};
  const int fd = socket_made.fd;
  if (fd < 0) {
    return fail(Code::io, reason(text, errno));
  }
  const int one = 1;
  if (local) {
    fchmod(fd, static_cast<mode_t>(unix_mode));  // the file gets this mode, without a moment of another one
  } else {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);  // accepted sockets inherit it
    // "[::]" takes IPv4 as well, unless an IPv4 socket has the port already.
  }
  if (bind(fd, &address.any, *size) != 0 || listen(fd, backlog) != 0) {
    const int error = errno;
    close(fd);
    return fail(Code::io, reason(text, error));
  }
  return socket_made;
}

Result<ListenSocket> adopt_listen_socket(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
    return fail(Code::io, "descriptor " + std::to_string(fd) + " is not a listening socket");
  }
  SocketAddress address;
  std::memset(&address, 0, sizeof address);
  size = sizeof address;
  getsockname(fd, &address.any, &size);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  if (address.any.sa_family == AF_UNIX) {
    return ListenSocket{fd, address.local.sun_path, false};
  }
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const auto [host, port] = text_of(address);
  return ListenSocket{
      fd, (host.find(':') != std::string::npos ? '[' + host + ']' : host) + ':' + std::to_string(port), false};
}

HostListener::HostListener(std::shared_ptr<net::Loop> loop, std::shared_ptr<Timers> timers, ListenSocket socket,
                           Log log, Accept accept)
    : loop_(std::move(loop)),
      timers_(std::move(timers)),
      socket_(std::move(socket)),
      log_(std::move(log)),
      accept_(std::move(accept)),
      descriptor_(*loop_, socket_.fd) {}

HostListener::~HostListener() {
  stop(true);
}

void HostListener::start() {
  descriptor_.wait_readable(shared_from_this());
}

void HostListener::stop(bool remove) {
  if (std::exchange(stopped_, true)) {
    return;
  }
  descriptor_.close();
  if (remove && socket_.unlink_at_close) {
    unlink(socket_.text.c_str());
  }
  accept_ = nullptr;
}

void HostListener::readable() {
  for (int i = 0; i < kMostAtOnce && !stopped_; ++i) {
    if (!accept_one()) {
      return;
    }
  }
  if (!stopped_) {
    start();
  }
}

// False: nothing to accept for now, and the next wait is arranged.
bool HostListener::accept_one() {
  SocketAddress peer;
  socklen_t size = sizeof peer;
  const int fd = accept4(descriptor_.fd(), &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == ECONNABORTED || errno == EINTR) {
      return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      descriptor_.drained();
      start();
      return false;
    }
    log_.error(std::string("cannot accept connections for now: ") + std::strerror(errno));
    timers_->after(std::chrono::milliseconds(100), [self = shared_from_this()] {
      if (!self->stopped_) {
        self->start();
      }
    });
    return false;
  }
  Endpoint endpoint;
  endpoint.socket = socket_.text;
  endpoint.unix_socket = peer.any.sa_family == AF_UNIX;
  std::tie(endpoint.remote_address, endpoint.remote_port) = text_of(peer);
  SocketAddress local;
  size = sizeof local;
  if (!endpoint.unix_socket && getsockname(fd, &local.any, &size) == 0) {
    std::tie(endpoint.local_address, endpoint.local_port) = text_of(local);
  }
  accept_(fd, std::move(endpoint));
  return true;
}

}  // namespace microtome::host
