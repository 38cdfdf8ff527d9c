// SPDX-License-Identifier: Apache-2.0
#include "host/backend_socket.hpp"

#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace microtome::host {
namespace {

std::string path_beside(const BackendAddress& address) {
  return address.path() + ".new";
}

}  // namespace

Result<BackendAddress> BackendAddress::local(const std::string& path) {
  BackendAddress address;
  auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.empty() || path.size() >= sizeof local.sun_path) {
    return fail(Code::bad_request, "the path of a socket has 1 to 107 bytes", path);
  }
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
  address.size = sizeof local;
  address.text = "unix:" + path;
  return address;
}

Result<BackendAddress> BackendAddress::tcp(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  std::string name = host;
  if (name.starts_with('[') && name.ends_with(']')) {
    name = name.substr(1, name.size() - 2);
  }
  const int fault = getaddrinfo(name.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (fault != 0) {
    return fail(Code::bad_request, "the host \"" + host + "\" is not known", gai_strerror(fault));
  }
  BackendAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  freeaddrinfo(found);
  address.text = host + ':' + std::to_string(port);
  return address;
}

namespace {

Result<int> open_listening(const BackendAddress& address, int backlog, bool beside) {
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto failed = [&](const char* what) {
    const int error = errno;
    if (fd >= 0) {
      close(fd);
    }
    return fail(Code::io, "cannot listen on " + address.text + ": " + std::strerror(error), what);
  };
  if (fd < 0) {
    return failed("socket");
  }
  sockaddr_storage where = address.storage;
  if (address.is_local()) {
    struct stat state{};
    if (lstat(address.path().c_str(), &state) == 0 && !S_ISSOCK(state.st_mode)) {
      errno = EEXIST;
      return failed("a file of that name exists");
    }
    auto& local = reinterpret_cast<sockaddr_un&>(where);
    const std::string beside = path_beside(address);
    if (beside.size() >= sizeof local.sun_path) {
      errno = ENAMETOOLONG;
      return failed("path");
    }
    std::memcpy(local.sun_path, beside.c_str(), beside.size() + 1);
    unlink(beside.c_str());
  } else {
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (beside) {
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    }
  }
  if (address.is_local()) {
    fchmod(fd, 0600);  // on Linux this is the mode the file gets, without a moment of another one
  }
  if (bind(fd, reinterpret_cast<const sockaddr*>(&where), address.size) != 0) {
    return failed("bind");
  }
  if (listen(fd, backlog) != 0) {
    return failed("listen");
  }
  return fd;
}

// How many sockets listen to this TCP address. From the kernel's table: the address is written as the number it is in
// memory, four bytes at a time, the port as a number.
int listeners_on(const BackendAddress& address) {
  const bool four = address.storage.ss_family == AF_INET;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  std::array<std::uint32_t, 4> words{};
  std::memcpy(words.data(), four ? static_cast<const void*>(&v4.sin_addr) : &v6.sin6_addr, four ? 4 : 16);
  // Without streams: they would be all that the program keeps of them in memory.
  std::array<char, 48> text{};
  std::string wanted;
  for (std::size_t i = 0; i < (four ? 1U : 4U); ++i) {
    std::snprintf(text.data(), text.size(), "%08X", words[i]);
    wanted += text.data();
  }
  std::snprintf(text.data(), text.size(), ":%04X ", ntohs(four ? v4.sin_port : v6.sin6_port));
  wanted += text.data();
  // Lines as "  0: 0100007F:1F90 00000000:0000 0A ...": number, local and remote address, state; 0A listens.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> table(
      std::fopen(four ? "/proc/self/net/tcp" : "/proc/self/net/tcp6", "re"), &std::fclose);
  std::array<char, 512> line{};
  int count = 0;
  while (table && std::fgets(line.data(), line.size(), table.get()) != nullptr) {
    const std::string_view row(line.data());
    const std::size_t local = row.find(": ");
    const std::size_t remote = local + 2 + wanted.size();
    if (local == std::string_view::npos || !row.substr(local + 2).starts_with(wanted)) {
      continue;
    }
    const std::size_t state = row.find(' ', remote);
    count += static_cast<int>(state != std::string_view::npos && row.substr(state + 1).starts_with("0A "));
  }
  return count;
}

}  // namespace

Result<int> listen_for_app(const BackendAddress& address, int backlog) {
  return open_listening(address, backlog, false);
}

Result<int> listen_beside(int other, const BackendAddress& address, int backlog) {
  // Set now and not when it was opened: then a second server by mistake is told that the address is in use.
  const int one = 1;
  setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  return open_listening(address, backlog, true);
}

void aim_at(int fd, const BackendAddress& address) {
  // The sockets of an address form a group in the order in which they came, and a program may choose one by its place
  // (SO_ATTACH_REUSEPORT_CBPF in socket(7)); a place that does not exist means any. When one closes, the last takes
  // its place. So while three generations overlap, some connections may go to the second until it has ended.
  const int place = std::max(listeners_on(address) - 1, 0);
  sock_filter choose = BPF_STMT(BPF_RET | BPF_K, static_cast<std::uint32_t>(place));
  const sock_fprog program{1, &choose};
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

Result<void> settle_for_app(const BackendAddress& address) {
  if (address.is_local() && rename(path_beside(address).c_str(), address.path().c_str()) != 0) {
    return fail(Code::io, "cannot listen on " + address.text + ": " + std::strerror(errno), "rename");
  }
  return {};
}

void forget_for_app(const BackendAddress& address) {
  if (address.is_local()) {
    unlink(path_beside(address).c_str());
  }
}

Connected connect_to_app(const BackendAddress& address) {
  Connected result;
  result.fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (result.fd < 0) {
    result.error = errno;
    result.state = Connect::busy;  // out of descriptors: passes
    return result;
  }
  if (!address.is_local()) {
    const int one = 1;
    setsockopt(result.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  if (connect(result.fd, address.get(), address.size) == 0) {
    result.state = Connect::done;
    return result;
  }
  result.error = errno;
  if (result.error == EINPROGRESS) {
    result.state = Connect::pending;
    return result;
  }
  close(result.fd);
  result.fd = -1;
  result.state = result.error == EAGAIN ? Connect::busy : Connect::refused;  // EAGAIN: a unix socket's queue is full
  return result;
}

int connect_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace microtome::host
