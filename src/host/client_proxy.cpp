// SPDX-License-Identifier: Apache-2.0
// How a connection reads what a proxy says of its client (the PROXY protocol).
#include <sys/socket.h>

#include <algorithm>

#include "host/client_connection.hpp"
#include "host/proxy_protocol.hpp"

namespace microtome::host {

// Takes the header and not a byte behind it: those may be TLS, which reads from the socket itself. False: no
// connection comes of it.
net::Co<bool> ClientConnection::read_proxy() {
  std::string bytes;
  set_deadline(options().header_deadline);
  while (true) {
    const std::span<char> space = loop().scratch().first(kMostProxyHeader + 1 - bytes.size());
    const ssize_t count = recv(fd(), space.data(), space.size(), MSG_PEEK | MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
      co_return false;
    }
    if (count < 0) {
      input_drained();
      watch_readable();
      const unsigned events = co_await next(kReadable | kExpired);
      if ((events & kReadable) == 0 || (events & kAbort) != 0) {
        co_return false;
      }
      continue;
    }
    const std::size_t before = bytes.size();
    bytes.append(space.data(), static_cast<std::size_t>(count));
    const auto header = read_proxy_header(bytes);
    if (!header) {
      shared().log.warning("a connection from the proxy " + endpoint_.remote_address +
                           " does not begin with a header of the PROXY protocol: closed");
      co_return false;
    }
    // All of what was looked at belongs to the header, or as much as it still needs.
    const std::size_t end = *header ? (*header)->size : bytes.size();
    if (recv(fd(), space.data(), end - before, MSG_DONTWAIT) != static_cast<ssize_t>(end - before)) {
      co_return false;
    }
    if (*header) {
      if (!(*header)->address.empty()) {
        endpoint_.remote_address = (*header)->address;
        endpoint_.remote_port = (*header)->port;
        endpoint_.secure_before = (*header)->secure;
      }
      no_deadline();
      co_return true;
    }
  }
}

}  // namespace microtome::host
