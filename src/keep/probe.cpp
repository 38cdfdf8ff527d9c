// SPDX-License-Identifier: Apache-2.0
#include "keep/probe.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "keep/text.hpp"

namespace microtome::keep {
namespace {

using Clock = std::chrono::steady_clock;

struct Split {
  std::string host;
  std::string port;
};

Split split(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return {address, "80"};
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || host == "0.0.0.0") {
    host = "127.0.0.1";
  }
  return {host == "::" ? "::1" : host, address.substr(colon + 1)};
}

bool wait_for(int fd, short events, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd wanted{fd, events, 0};
    const int ready = left > 0 ? poll(&wanted, 1, static_cast<int>(left)) : 0;
    if (ready >= 0 || errno != EINTR) {
      return ready > 0;
    }
  }
}

// A connected socket, or -1 with errno.
int connect_to(int family, const sockaddr* address, socklen_t size, Clock::time_point until) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect(fd, address, size) == 0) {
    return fd;
  }
  int fault = errno;
  if (fault == EINPROGRESS) {
    socklen_t length = sizeof fault;
    fault = ETIMEDOUT;
    if (wait_for(fd, POLLOUT, until)) {
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &length);
    }
  }
  if (fault == 0) {
    return fd;
  }
  ::close(fd);
  errno = fault;
  return -1;
}

int open_connection(const std::string& address, Clock::time_point until, std::string& fault) {
  const std::string path = address.starts_with("unix:") ? address.substr(5) : address;
  if (path.starts_with('/')) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) {
      fault = "the path is too long for a socket";
      return -1;
    }
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    const int fd = connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&name), sizeof name, until);
    fault = fd < 0 ? errno_text(errno) : "";
    return fd;
  }
  const Split where = split(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int bad = getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found); bad != 0) {
    fault = gai_strerror(bad);
    return -1;
  }
  int fd = -1;
  for (const addrinfo* each = found; each != nullptr && fd < 0; each = each->ai_next) {
    fd = connect_to(each->ai_family, each->ai_addr, each->ai_addrlen, until);
    fault = fd < 0 ? errno_text(errno) : "";
  }
  freeaddrinfo(found);
  return fd;
}

std::string read_answer(int fd, Clock::time_point until) {
  std::string bytes;
  std::array<char, 16384> part;
  while (bytes.size() < (1U << 20) && wait_for(fd, POLLIN, until)) {
    const ssize_t count = recv(fd, part.data(), part.size(), 0);
    if (count <= 0) {
      break;
    }
    bytes.append(part.data(), static_cast<std::size_t>(count));
  }
  return bytes;
}

}  // namespace

Answer ask(const std::string& address, const std::string& method, const std::string& target,
           std::chrono::milliseconds limit, const std::string& headers) {
  const auto until = Clock::now() + limit;
  Answer answer;
  const int fd = open_connection(address, until, answer.fault);
  if (fd < 0) {
    return answer;
  }
  answer.connected = true;
  const std::string request = method + ' ' + target + " HTTP/1.0\r\nHost: localhost\r\n" + headers + "\r\n";
  (void)!send(fd, request.data(), request.size(), MSG_NOSIGNAL);  // fits into any socket's buffer
  const std::string bytes = read_answer(fd, until);
  ::close(fd);
  if (!bytes.starts_with("HTTP/1.") || bytes.size() < 12) {
    answer.fault = bytes.empty() ? "no answer in time" : "it does not speak HTTP";
    return answer;
  }
  answer.status = std::atoi(bytes.c_str() + 9);
  const std::size_t end = bytes.find("\r\n\r\n");
  answer.head = bytes.substr(0, end);
  answer.body = end == std::string::npos ? "" : bytes.substr(end + 4);
  return answer;
}

std::string url_of(const std::string& address) {
  if (address.starts_with('/')) {
    return "unix:" + address;
  }
  return "http://" + address + '/';
}

}  // namespace microtome::keep
