// SPDX-License-Identifier: Apache-2.0
// How a connection of the host receives and sends, encrypted or not.
#include <sys/socket.h>

#include <algorithm>
#include <utility>

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
  limited_ = false;
  if (!rate_ && !limits_.shared_rate) {
    return tls_ ? tls_->flush(queue) : queue.flush(fd());
  }
  const std::size_t budget = allowed_to_send();
  limited_ = budget == 0;
  if (limited_ && !queue.empty()) {
    return Status::blocked;
  }
  const std::uint64_t before = queue.sent();
  const std::size_t most = std::max<std::size_t>(budget, 1);
  const Status status = tls_ ? tls_->flush(queue, most) : queue.flush(fd(), false, most);
  const auto sent = static_cast<std::size_t>(queue.sent() - before);
  if (rate_) {
    rate_->spend(sent);
  }
  if (limits_.shared_rate) {
    limits_.shared_rate->spend(sent);
  }
  limited_ = status == Status::blocked && budget_spent(queue) && allowed_to_send() == 0;
  return status;
}

bool ClientConnection::budget_spent(const net::SendQueue& queue) const {
  return tls_ ? tls_->budget_spent() : queue.budget_spent();
}

void ClientConnection::use_limits(const ConnectionLimits& limits) {
  limits_ = limits;
  if (limits.bytes_per_second == 0) {
    rate_.reset();
  } else if (!rate_ || rate_->bytes_per_second() != limits.bytes_per_second) {
    rate_.emplace(limits.bytes_per_second, Rate::Clock::now());
  }
}

// Where bandwidth is limited: bytes that may be sent now.
std::size_t ClientConnection::allowed_to_send() {
  const auto now = Rate::Clock::now();
  std::size_t most = 1 << 20;
  if (rate_) {
    most = std::min(most, rate_->allowed(now));
  }
  if (limits_.shared_rate) {
    // Not all of it for one: others that wait get their part.
    constexpr std::size_t kPart = 64 * 1024;
    most = std::min({most, kPart, limits_.shared_rate->allowed(now)});
  }
  return most;
}

void ClientConnection::wake_soon() {
  loop().post([weak = weak_from_this()] {
    if (const auto connection = weak.lock()) {
      static_cast<ClientConnection&>(*connection).wake(kAnswered);
    }
  });
}

void ClientConnection::await_room(const net::SendQueue& queue) {
  if (!limited_) {
    return budget_spent(queue) ? wake_soon() : watch_writable();
  }
  if (std::exchange(timer_is_set_, true)) {
    return;
  }
  Rate::Clock::duration wait{1};
  if (rate_) {
    wait = std::max(wait, rate_->wait());
  }
  if (limits_.shared_rate) {
    wait = std::max(wait, limits_.shared_rate->wait());
  }
  context_->after(wait, [weak = weak_from_this()] {
    if (const auto connection = weak.lock()) {
      auto& self = static_cast<ClientConnection&>(*connection);
      self.timer_is_set_ = false;
      self.wake(kAnswered);
    }
  });
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
