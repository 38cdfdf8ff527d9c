// SPDX-License-Identifier: Apache-2.0
#include "net/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "http/text.hpp"
#include "net/inherited.hpp"

namespace microtome::net {
namespace {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un local;
  sockaddr_storage storage;
};

std::string text_of(int error) {
  return std::strerror(error);  // NOLINT(concurrency-mt-unsafe): glibc's is per thread
}

std::unexpected<Error> cannot(const std::string& what, int error) {
  std::string message = "cannot listen on " + what + ": ";
  switch (error) {
    case EADDRINUSE:
      message += "the address is in use by another program";
      break;
    case EACCES:
    case EPERM:
      message += "not allowed (ports below 1024 need privileges; a socket's directory must be writable)";
      break;
    case EADDRNOTAVAIL:
      message += "this machine has no such address";
      break;
    case ENOENT:
    case ENOTDIR:
      message += "the directory does not exist";
      break;
    default:
      message += text_of(error);
  }
  return fail(Code::io, std::move(message));
}

Result<ListenAddress> not_understood(std::string_view text) {
  return fail(Code::bad_request, "not an address to listen on: " + std::string(text) +
                                     " (say 127.0.0.1:8080, [::1]:8080, :8080, unix:/path or fd:0)");
}

std::string host_and_port(const std::string& host, int port) {
  return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

socklen_t fill(SocketAddress& socket_address, const ListenAddress& address) {
  std::memset(&socket_address, 0, sizeof socket_address);
  if (address.kind == ListenAddress::Kind::unix_socket) {
    socket_address.local.sun_family = AF_UNIX;
    std::memcpy(socket_address.local.sun_path, address.path.c_str(), address.path.size() + 1);
    return sizeof(sockaddr_un);
  }
  if (inet_pton(AF_INET, address.host.c_str(), &socket_address.v4.sin_addr) == 1) {
    socket_address.v4.sin_family = AF_INET;
    socket_address.v4.sin_port = htons(static_cast<std::uint16_t>(address.port));
    return sizeof(sockaddr_in);
  }
  inet_pton(AF_INET6, address.host.c_str(), &socket_address.v6.sin6_addr);
  socket_address.v6.sin6_family = AF_INET6;
  socket_address.v6.sin6_port = htons(static_cast<std::uint16_t>(address.port));
  return sizeof(sockaddr_in6);
}

void set_option(int fd, int level, int name) {
  const int one = 1;
  setsockopt(fd, level, name, &one, sizeof one);
}

// A socket file that nobody listens on any more is removed. Returns an errno, 0 when the path is free.
int make_room(const ListenAddress& address) {
  struct stat status{};
  if (lstat(address.path.c_str(), &status) != 0) {
    return errno == ENOENT ? 0 : errno;
  }
  if (!S_ISSOCK(status.st_mode)) {
    return EEXIST;
  }
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  SocketAddress socket_address;
  const socklen_t size = fill(socket_address, address);
  const int error = connect(probe, &socket_address.any, size) == 0 ? 0 : errno;
  close(probe);
  if (error != ECONNREFUSED && error != ENOENT) {
    return error == 0 || error == EAGAIN ? EADDRINUSE : error;  // EAGAIN: alive, its queue is full
  }
  return unlink(address.path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  ListenAddress address;
  if (text.starts_with("fd:")) {
    const auto number = http::parse_decimal(text.substr(3));
    if (!number || *number > 65535) {
      return not_understood(text);
    }
    address.kind = ListenAddress::Kind::inherited;
    address.fd = static_cast<int>(*number);
    return address;
  }
  if (text.starts_with("unix:") || text.starts_with('/')) {
    address.kind = ListenAddress::Kind::unix_socket;
    address.path = text.starts_with('/') ? text : text.substr(5);
    if (address.path.empty() || address.path.find('\0') != std::string::npos) {
      return not_understood(text);
    }
    if (address.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return fail(Code::bad_request, "the path of the unix socket is too long (at most 107 bytes)");
    }
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return not_understood(text);
  }
  const auto port = http::parse_decimal(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (!port || *port > 65535) {
    return not_understood(text);
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  address.host = host.empty() || host == "localhost" ? "127.0.0.1" : host == "*" ? "0.0.0.0" : std::string(host);
  address.port = static_cast<int>(*port);
  in6_addr any{};
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, address.host.c_str(), &any) != 1) {
    return not_understood(text);
  }
  return address;
}

Listener::Listener(Listen listen, ListenAddress address, int fd)
    : listen_(std::move(listen)), address_(std::move(address)), fd_(fd) {}

Listener::~Listener() {
  if (fd_ >= 0) {
    close(fd_);
  }
  if (owns_path_) {
    unlink(address_.path.c_str());
  }
}

int Listener::release() {
  return std::exchange(fd_, -1);
}

Result<std::unique_ptr<Listener>> Listener::open(const Listen& listen, bool reuse_port) {
  auto address = parse_listen(listen.address);
  if (!address) {
    return std::unexpected(address.error());
  }
  if (address->kind == ListenAddress::Kind::inherited) {
    if (!is_listening_socket(address->fd)) {
      return fail(Code::io, "descriptor " + std::to_string(address->fd) + " is not a listening socket");
    }
    std::unique_ptr<Listener> listener(new Listener(listen, *address, address->fd));
    auto done = listener->finish();
    return done ? Result<std::unique_ptr<Listener>>(std::move(listener)) : std::unexpected(done.error());
  }
  SocketAddress socket_address;
  const socklen_t size = fill(socket_address, *address);
  const bool local = address->kind == ListenAddress::Kind::unix_socket;
  if (local) {
    if (const int error = make_room(*address); error != 0) {
      return error == EEXIST ? fail(Code::io, "cannot listen on " + listen.address + ": a file of that name exists")
                             : cannot(listen.address, error);
    }
  }
  const int fd = socket(socket_address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return cannot(listen.address, errno);
  }
  std::unique_ptr<Listener> listener(new Listener(listen, *address, fd));
  if (!local) {
    set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (socket_address.any.sa_family == AF_INET6 && address->host != "::") {
      set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    }
  }
  if (bind(fd, &socket_address.any, size) != 0) {
    return cannot(listen.address, errno);
  }
  listener->owns_path_ = local;
  if (local && listen.mode != 0 && chmod(address->path.c_str(), listen.mode) != 0) {
    return cannot(listen.address, errno);
  }
  if (reuse_port && !local) {
    // After bind: set before, it would let us share the port with another program of the same user without a word.
    set_option(fd, SOL_SOCKET, SO_REUSEPORT);
  }
  if (::listen(fd, listen.backlog) != 0) {
    return cannot(listen.address, errno);
  }
  auto done = listener->finish();
  return done ? Result<std::unique_ptr<Listener>>(std::move(listener)) : std::unexpected(done.error());
}

// Finds out what was really bound.
Result<void> Listener::finish() {
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  fcntl(fd_, F_SETFD, FD_CLOEXEC);
  SocketAddress bound;
  std::memset(&bound, 0, sizeof bound);
  socklen_t size = sizeof bound;
  if (getsockname(fd_, &bound.any, &size) != 0) {
    return cannot(listen_.address, errno);
  }
  std::string where;
  if (bound.any.sa_family == AF_UNIX) {
    where = "unix:" + std::string(bound.local.sun_path);
  } else {
    tcp_ = true;
    // Accepted sockets inherit it: without it small answers would wait for acknowledgements.
    set_option(fd_, IPPROTO_TCP, TCP_NODELAY);
    set_option(fd_, SOL_SOCKET, SO_KEEPALIVE);  // a kept FastCGI connection has no deadline of its own
    char text[INET6_ADDRSTRLEN] = "";
    const bool v6 = bound.any.sa_family == AF_INET6;
    inet_ntop(bound.any.sa_family, v6 ? static_cast<const void*>(&bound.v6.sin6_addr) : &bound.v4.sin_addr, text,
              sizeof text);
    address_.port = ntohs(v6 ? bound.v6.sin6_port : bound.v4.sin_port);
    address_.host = text;
    where = host_and_port(address_.host, address_.port);
  }
  if (listen_.speak == Speak::fastcgi) {
    shown_ = "fastcgi " + where;
  } else {
    shown_ = tcp_ ? "http://" + where + "/" : "http " + where;
  }
  return {};
}

std::string Listener::shown() const {
  return shown_;
}

Result<std::unique_ptr<Listener>> Listener::again() const {
  if (!tcp_ || address_.kind == ListenAddress::Kind::inherited) {
    const int copy = fcntl(fd_, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
      return cannot(listen_.address, errno);
    }
    std::unique_ptr<Listener> listener(new Listener(listen_, address_, copy));
    listener->tcp_ = tcp_;
    listener->shown_ = shown_;
    return listener;
  }
  SocketAddress socket_address;
  const socklen_t size = fill(socket_address, address_);
  const int fd = socket(socket_address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return cannot(listen_.address, errno);
  }
  std::unique_ptr<Listener> listener(new Listener(listen_, address_, fd));
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  set_option(fd, SOL_SOCKET, SO_REUSEPORT);
  if (socket_address.any.sa_family == AF_INET6 && address_.host != "::") {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  }
  if (bind(fd, &socket_address.any, size) != 0 || ::listen(fd, listen_.backlog) != 0) {
    return cannot(listen_.address, errno);
  }
  auto done = listener->finish();
  return done ? Result<std::unique_ptr<Listener>>(std::move(listener)) : std::unexpected(done.error());
}

bool is_listening_socket(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

std::vector<std::string> inherited_listeners() {
  const char* count = std::getenv("LISTEN_FDS");  // NOLINT(concurrency-mt-unsafe): read at the start only
  const char* pid = std::getenv("LISTEN_PID");    // NOLINT(concurrency-mt-unsafe)
  const auto number = http::parse_decimal(count != nullptr ? count : "");
  const auto process = http::parse_decimal(pid != nullptr ? pid : "");
  std::vector<std::string> all;
  if (!number || *number > 64 || !process || *process != static_cast<std::uint64_t>(getpid())) {
    return all;
  }
  for (std::uint64_t i = 0; i < *number; ++i) {
    all.push_back("fd:" + std::to_string(3 + i));
  }
  return all;
}

}  // namespace microtome::net
