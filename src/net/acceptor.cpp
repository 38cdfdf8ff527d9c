// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "net/fcgi_connection.hpp"
#include "net/http_connection.hpp"

namespace microtome::net {
namespace {

constexpr int kMostAtOnce = 32;
constexpr int kMostAtTheEnd = 4096;
constexpr std::size_t kLookForIdle = 256;
constexpr std::size_t kOverloadedExtra = 128;  // FastCGI connections above the limit that still hear "overloaded"

Peer peer_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
  } else {
    return {"", true, false};
  }
  return {text.data(), false, false};
}

}  // namespace

Acceptor::Acceptor(std::shared_ptr<Loop> loop, std::shared_ptr<const Shared> shared,
                   std::unique_ptr<Listener> listener, Census& census)
    : loop_(std::move(loop)),
      shared_(std::move(shared)),
      listener_(std::move(listener)),
      census_(census),
      descriptor_(*loop_, listener_->release()) {}

Acceptor::~Acceptor() = default;

void Acceptor::start() {
  descriptor_.wait_readable(shared_from_this());
}

void Acceptor::close() {
  // Closing resets the connections that wait to be accepted. A socket that is ours alone has no other taker for them.
  for (int i = 0; i < kMostAtTheEnd && !paused_ && listener_->exclusive() && accept_one(); ++i) {
  }
  if (std::exchange(paused_, false)) {
    loop_->remove(*this);
  }
  descriptor_.close();
  listener_.reset();  // unlinks a unix socket
}

void Acceptor::failed() {
  shared_->log.error("cannot watch a listening socket; no further connections on " +
                     (listener_ ? listener_->shown() : std::string()));
}

void Acceptor::readable() {
  for (int i = 0; i < kMostAtOnce; ++i) {
    if (!accept_one()) {
      break;
    }
  }
  if (descriptor_.fd() >= 0 && !paused_) {
    descriptor_.wait_readable(shared_from_this());
  }
}

bool Acceptor::accept_one() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd =
      accept4(descriptor_.fd(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pause(errno);
      return false;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      descriptor_.drained();
    }
    return errno == ECONNABORTED || errno == EINTR;
  }
  serve(fd, peer_of(address));
  return true;
}

void Acceptor::serve(int fd, Peer peer) {
  const ServerOptions& options = shared_->options;
  const std::size_t count = census_.connections.load(std::memory_order_relaxed);
  const bool full = count >= options.max_connections && !make_room();
  if (listener_->speak() == Speak::http) {
    if (full) {
      refuse(fd);
      return;
    }
    peer.trusted = peer.local ? shared_->trusted.contains_unix() : shared_->trusted.contains(peer.address);
    std::make_shared<HttpConnection>(loop_, shared_, fd, std::move(peer), census_.connections)->start();
    return;
  }
  const AddressSet& allowed = shared_->web_servers;
  const bool stranger = !allowed.empty() && (peer.local ? !allowed.contains_unix() : !allowed.contains(peer.address));
  if (stranger || count >= options.max_connections + kOverloadedExtra) {
    if (stranger) {
      shared_->log.warning("FastCGI connection from " + (peer.local ? "a unix socket" : peer.address) +
                           " refused: FCGI_WEB_SERVER_ADDRS does not name it");
    }
    ::close(fd);
    return;
  }
  std::make_shared<FcgiConnection>(loop_, shared_, fd, std::move(peer), census_.connections, full)->start();
}

// Closes a connection that waits for its next request, if there is one among the next few. Those of other loops are
// theirs to close.
bool Acceptor::make_room() {
  const auto& all = loop_->ticked();
  for (std::size_t looked = 0; looked < std::min(kLookForIdle, all.size()); ++looked) {
    look_at_ = look_at_ + 1 < all.size() ? look_at_ + 1 : 0;
    auto* connection = dynamic_cast<Connection*>(all[look_at_]);
    if (connection != nullptr && connection->idle()) {
      connection->stop();
      return true;
    }
  }
  return false;
}

void Acceptor::refuse(int fd) {
  static constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 1\r\nContent-Length: 21\r\n"
      "Connection: close\r\n\r\ntoo many connections\n";
  (void)send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  shutdown(fd, SHUT_WR);
  std::array<char, 4096> dropped;
  while (recv(fd, dropped.data(), dropped.size(), MSG_DONTWAIT) > 0) {
  }
  ::close(fd);
}

// Out of descriptors: waits for the next tick instead of spinning.
void Acceptor::pause(int error) {
  if (!paused_) {
    shared_->log.error(std::string("cannot accept connections for now: ") +
                       (error == EMFILE || error == ENFILE ? "too many open files" : "out of memory"));
    paused_ = true;
    loop_->add(*this);
  }
}

void Acceptor::tick(Clock::time_point /*now*/) {
  if (std::exchange(paused_, false)) {
    loop_->remove(*this);
    descriptor_.wait_readable(shared_from_this());
  }
}

}  // namespace microtome::net
