// SPDX-License-Identifier: Apache-2.0
#include "check/wire.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace microtome::check {
namespace {

int left(Clock::time_point until) {
  const auto now = Clock::now();
  return until <= now ? 0 : static_cast<int>(std::chrono::ceil<Milliseconds>(until - now).count());
}

Result<sockaddr_un> local_address(const Address& address) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof local.sun_path) {
    return fail(Code::bad_request, "the path of the socket has more than 107 bytes");
  }
  std::memcpy(local.sun_path, address.path.c_str(), address.path.size() + 1);
  return local;
}

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;
Result<AddressList> resolve(const Address& address, bool passive) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = passive ? AI_PASSIVE : 0;
  addrinfo* found = nullptr;
  const int code =
      getaddrinfo(address.host.empty() ? "127.0.0.1" : address.host.c_str(), address.port.c_str(), &hints, &found);
  if (code != 0) {
    return fail(Code::bad_request, "no such address: " + address.host + ": " + gai_strerror(code));
  }
  return AddressList(found, &freeaddrinfo);
}

// 0, or the error.
int connect_in_time(int fd, const sockaddr* to, socklen_t size, Milliseconds patience) {
  if (connect(fd, to, size) == 0) {
    return 0;
  }
  if (errno != EINPROGRESS && errno != EAGAIN) {
    return errno;
  }
  pollfd state{fd, POLLOUT, 0};
  if (poll(&state, 1, static_cast<int>(patience.count())) <= 0) {
    return ETIMEDOUT;
  }
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

int new_socket(int family) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (family != AF_UNIX) {
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  return fd;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  if (text.starts_with("unix:")) {
    text.remove_prefix(5);
  }
  if (text.starts_with('/') || text.starts_with('.')) {
    return Address{std::string(text), "", ""};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) {
    return fail(Code::bad_request, "an address is unix:/path or host:port");
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  return Address{"", std::string(host), std::string(text.substr(colon + 1))};
}

Result<Wire> Wire::connect(const Address& address, Milliseconds patience) {
  if (!address.path.empty()) {
    const auto local = local_address(address);
    if (!local) {
      return pass(local.error());
    }
    Wire wire(new_socket(AF_UNIX));
    const int error = connect_in_time(wire.fd_, reinterpret_cast<const sockaddr*>(&*local), sizeof *local, patience);
    if (error != 0) {
      return fail(Code::io, "cannot connect to " + address.path + ": " + std::strerror(error));
    }
    return wire;
  }
  const auto list = resolve(address, false);
  if (!list) {
    return pass(list.error());
  }
  int error = 0;
  for (const addrinfo* one = list->get(); one != nullptr; one = one->ai_next) {
    Wire wire(new_socket(one->ai_family));
    error = connect_in_time(wire.fd_, one->ai_addr, one->ai_addrlen, patience);
    if (error == 0) {
      return wire;
    }
  }
  return fail(Code::io, "cannot connect to " + address.host + ":" + address.port + ": " + std::strerror(error));
}

bool Wire::send(std::string_view bytes, std::string& in, Milliseconds patience) {
  const auto until = Clock::now() + patience;
  bool reading = true;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) {
      return false;
    }
    if (left(until) == 0) {
      return false;
    }
    pollfd state{fd_, static_cast<short>(POLLOUT | (reading ? POLLIN : 0)), 0};
    if (poll(&state, 1, left(until)) <= 0) {
      return false;
    }
    if (reading && (state.revents & POLLIN) != 0 && receive(in, Milliseconds(0)) != Got::bytes) {
      reading = false;
    }
    if ((state.revents & POLLERR) != 0) {
      return false;
    }
  }
  return true;
}

Wire::Got Wire::receive(std::string& in, Milliseconds patience) {
  pollfd state{fd_, POLLIN, 0};
  if (poll(&state, 1, static_cast<int>(std::max<Milliseconds::rep>(patience.count(), 0))) <= 0) {
    return Got::nothing;
  }
  std::array<char, 64 * 1024> buffer;
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) {
    in.append(buffer.data(), static_cast<std::size_t>(got));
    return Got::bytes;
  }
  if (got == 0) {
    return Got::end;
  }
  return errno == EAGAIN || errno == EINTR ? Got::nothing : Got::reset;
}

void Wire::stop_writing() {
  shutdown(fd_, SHUT_WR);
}

void Wire::close(bool reset) {
  if (fd_ < 0) {
    return;
  }
  if (reset) {
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  ::close(std::exchange(fd_, -1));
}

Result<int> listen_on(const Address& address) {
  int fd = -1;
  int error = 0;
  if (!address.path.empty()) {
    const auto local = local_address(address);
    if (!local) {
      return pass(local.error());
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(address.path.c_str());
    error = bind(fd, reinterpret_cast<const sockaddr*>(&*local), sizeof *local) == 0 ? 0 : errno;
  } else {
    const auto list = resolve(address, true);
    if (!list) {
      return pass(list.error());
    }
    const addrinfo* first = list->get();
    fd = socket(first->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    error = bind(fd, first->ai_addr, first->ai_addrlen) == 0 ? 0 : errno;
  }
  if (error == 0 && listen(fd, 1024) != 0) {
    error = errno;
  }
  if (error != 0) {
    ::close(fd);
    return fail(Code::io, std::string("cannot listen: ") + std::strerror(error));
  }
  return fd;
}

}  // namespace microtome::check
