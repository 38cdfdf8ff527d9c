// SPDX-License-Identifier: Apache-2.0
// How a connection of the host receives and sends, encrypted or not.
#include <sys/socket.h>

#include <algorithm>

#include "host/client_connection.hpp"

namespace microtome::host {

using Status = net::SendQueue::Status;

// False: no connection comes of it.
net::Co<bool> ClientConnection::handshake() {
  set_deadline(options().header_deadline);
  while (true) {
    const TlsSession::Step step = tls_->handshake();
    unsigned events = 0;
    switch (step) {
      case TlsSession::Step::done:
        no_deadline();
        endpoint_.secure = true;
        endpoint_.client_verified = tls_->client_verified();
        co_return true;
      case TlsSession::Step::want_read:
        input_drained();
        watch_readable();
        events = co_await next(kReadable | kExpired | kStop);
        break;
      case TlsSession::Step::want_write:
        watch_writable();
        events = co_await next(kWritable | kExpired | kStop);
        break;
      case TlsSession::Step::plain_http: {
        static constexpr std::string_view kAnswer =
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 41\r\nConnection: close\r\n\r\n"
            "this port speaks TLS: begin with https://";
        (void)::send(fd(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        co_return false;
      }
      default:
        co_return false;
    }
    if ((events & (kReadable | kWritable)) == 0) {
      co_return false;
    }
  }
}

ClientConnection::Got ClientConnection::receive(std::span<char>& got, std::size_t limit) {
  if (!tls_) {
    return Connection::receive(got, limit);
  }
  const std::span<char> space = loop().scratch();
  std::size_t count = 0;
  switch (tls_->read(space.first(std::min(space.size(), limit)), count)) {
    case TlsSession::Step::done:
      got = space.first(count);
      return Got::bytes;
    case TlsSession::Step::want_read:
    case TlsSession::Step::want_write:
      input_drained();
      return Got::nothing;
    case TlsSession::Step::ended:
      return Got::end;
    default:
      return Got::reset;
  }
}

Status ClientConnection::flush(net::SendQueue& queue) {
  return tls_ ? tls_->flush(queue) : queue.flush(fd());
}

// A few bytes that may get lost when the client does not read.
void ClientConnection::send_now(std::string_view text) {
  if (!tls_) {
    (void)::send(fd(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  auto queue = loop().take_queue();
  queue->copy(text);
  (void)tls_->flush(*queue);
  loop().give_back(std::move(queue));
}

}  // namespace microtome::host
