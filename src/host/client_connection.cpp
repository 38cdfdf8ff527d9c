// SPDX-License-Identifier: Apache-2.0
// How a connection reads requests and waits for its users. Bodies are in client_body.cpp, the stream
// and the sending in client_stream.cpp.
#include "host/client_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "host/client_stream.hpp"
#include "host/h2_session.hpp"
#include "http/status.hpp"
#include "net/response_head.hpp"

namespace microtome::host {

using net::BodyKind;
using net::Co;
using net::Detached;
using Clock = net::Clock;
using Status = net::SendQueue::Status;

namespace {

constexpr std::uint64_t kBodyFloor = 200;                        // bytes a second that a body must bring
constexpr auto kFirstRequest = std::chrono::milliseconds(5000);  // for a new connection when we stop
constexpr int kMostInARow = 16;  // pipelined requests before other connections get their turn

}  // namespace

ClientConnection::ClientConnection(std::shared_ptr<net::Loop> loop, std::shared_ptr<const net::Shared> shared,
                                   std::shared_ptr<const ConnectionContext> context, int fd, Endpoint endpoint,
                                   std::atomic<std::size_t>& count, std::unique_ptr<TlsSession> tls)
    : Connection(std::move(loop), std::move(shared), fd, {endpoint.remote_address, endpoint.unix_socket}, count),
      context_(std::move(context)),
      endpoint_(std::move(endpoint)),
      tls_(std::move(tls)) {}

Detached ClientConnection::run() {
  const auto self = shared_from_this();
  if (context_->proxied && context_->proxied(endpoint_) && !co_await read_proxy()) {
    close();
    co_return;
  }
  if (tls_ && !co_await handshake()) {
    close();
    co_return;
  }
  int in_a_row = 0;
  const bool h2 = tls_ && tls_->protocol() == "h2";
  if (h2) {
    start_h2();
    co_await serve_h2();
  }
  while (!h2) {
    if (in_.empty()) {
      in_a_row = 0;
      if (!co_await await_request()) {
        break;
      }
    } else if (++in_a_row >= kMostInARow) {
      in_a_row = 0;
      wake_soon();
      if ((co_await next(kAnswered) & kAbort) != 0) {
        break;
      }
    }
    turn_ = std::make_unique<Turn>();
    const bool go_on = co_await serve();
    if (turn_->stream) {
      turn_->stream->detach();
    }
    if (turn_->out) {
      loop().give_back(std::move(turn_->out));
    }
    turn_.reset();
    if (!go_on) {
      break;
    }
  }
  if (linger_ && !happened(kAbort)) {
    if (tls_) {
      tls_->say_goodbye();
    }
    co_await linger_with([this](std::span<char>& got) { return receive(got); });
  }
  if (tls_ && !reset_ && !linger_) {
    tls_->say_goodbye();
  }
  close(reset_);
}

// Until the first byte of a request can be read. No buffer is held meanwhile.
Co<bool> ClientConnection::await_request() {
  std::string().swap(in_);
  // Whoever has just connected is about to ask, and would take a closed connection for a failure. So would some who
  // were told that the connection stays open.
  const auto last_chance = [this] { return served_ == 0 ? kFirstRequest : context_->last_chance; };
  if (happened(kAbort) || (stopping() && last_chance().count() == 0) || !client_open_ || half_closed_ ||
      served_ >= limits_.max_requests) {
    co_return false;
  }
  set_idle(true);
  set_deadline(served_ == 0 ? options().header_deadline : limits_.keep_alive_idle);
  watch_readable();
  unsigned events = co_await next(kReadable | kExpired | kStop);
  if ((events & (kReadable | kAbort)) == 0 && (events & kStop) != 0 && last_chance().count() > 0) {
    set_deadline(last_chance());
    events = co_await next(kReadable | kExpired);
    char byte = 0;
    if ((events & kAbort) == 0 && recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
      events |= kReadable;  // it came just then
    }
  }
  set_idle(false);
  co_return (events & kReadable) != 0 && (events & kAbort) == 0;
}

Co<bool> ClientConnection::serve() {
  if (!co_await read_head()) {
    co_return false;
  }
  if (h2_) {
    co_await serve_h2();
    co_return false;
  }
  ++served_;
  no_deadline();
  if (!turn_->refusal && upgrade_to_h2()) {
    co_await serve_h2();
    co_return false;
  }
  // Not `co_return co_await` in both branches: g++ 12 makes a coroutine of it that cannot be resumed.
  bool go_on = false;
  if (turn_->refusal) {
    go_on = co_await refuse();
  } else {
    go_on = co_await exchange();
  }
  co_return go_on;
}

Co<bool> ClientConnection::read_head() {
  set_deadline(options().header_deadline);
  if (!in_.empty() && take_head(in_, true)) {
    co_return true;
  }
  while (true) {
    std::span<char> got;
    const Got what = receive(got);
    if (what == Got::end || what == Got::reset) {
      client_open_ = false;
      co_return false;
    }
    if (what == Got::bytes) {
      const bool buffered = !in_.empty();
      if (buffered) {
        in_.append(got.data(), got.size());
      }
      const auto preface = is_preface(buffered ? std::string_view(in_) : std::string_view(got.data(), got.size()));
      if (preface != false) {
        if (!buffered) {
          in_.assign(got.data(), got.size());
        }
        if (preface) {
          start_h2();
          co_return true;
        }
        continue;
      }
      if (take_head(buffered ? std::string_view(in_) : std::string_view(got.data(), got.size()), buffered)) {
        co_return true;
      }
      continue;
    }
    watch_readable();
    const unsigned events = co_await next(kReadable | kExpired);
    if ((events & kAbort) != 0) {
      co_return false;
    }
    if ((events & kReadable) == 0) {
      turn_->refusal = net::Refusal{408, "request timeout"};
      co_return true;
    }
  }
}

// Old clients send an empty line behind a body. True when more bytes must come before that is clear.
bool ClientConnection::skip_blank_line(std::string_view& bytes, bool& buffered) {
  if (served_ == 0 || turn_->blank_line_seen || !bytes.starts_with('\r')) {
    return false;
  }
  if (bytes == "\r") {
    if (!buffered) {
      in_.assign(bytes);
    }
    return true;
  }
  if (bytes.starts_with("\r\n")) {
    turn_->blank_line_seen = true;
    if (buffered) {
      in_.erase(0, 2);
      bytes = in_;
      buffered = !in_.empty();
    } else {
      bytes.remove_prefix(2);
    }
  }
  return false;
}

// True when the head is there, or is refused. What follows it is kept in in_.
bool ClientConnection::take_head(std::string_view bytes, bool buffered) {
  Turn& turn = *turn_;
  if (skip_blank_line(bytes, buffered)) {
    return false;
  }
  // Errors are told in the version of the request, where that was readable.
  const auto refuse = [&turn, bytes](const net::Refusal& refusal) {
    turn.refusal = refusal;
    turn.head.version = bytes.substr(0, bytes.find("\r\n")).ends_with(" HTTP/1.1") ? 11 : 10;
  };
  const auto end = turn.scanner.scan(bytes, limits());
  if (!end) {
    refuse(end.error());
    return true;
  }
  if (*end == 0) {
    if (!buffered) {
      in_.assign(bytes);
    }
    return false;
  }
  auto head = net::parse_head(bytes.substr(0, *end), limits());
  if (head) {
    turn.head = std::move(*head);
  } else {
    refuse(head.error());
  }
  if (buffered) {
    in_.erase(0, *end);
  } else {
    in_.assign(bytes.substr(*end));
  }
  return true;
}

Co<bool> ClientConnection::refuse() {
  Turn& turn = *turn_;
  if (context_->refused) {
    context_->refused(endpoint_, turn.refusal->status);
  }
  linger_ = true;
  turn.head.keep_alive = false;
  turn.out = loop().take_queue();
  turn.response = http::text_response(turn.refusal->status, turn.refusal->message);
  turn.whole = turn.ended = true;
  send_head();
  set_deadline(limits_.write_idle);
  while (true) {
    const Status status = flush(*turn.out);
    if (status != Status::blocked) {
      co_return false;
    }
    await_room(*turn.out);
    if ((co_await next(kWritable | kAnswered | kExpired) & (kWritable | kAnswered)) == 0) {
      co_return false;
    }
  }
}

// From the head to the last byte of the answer. False: the connection ends.
Co<bool> ClientConnection::exchange() {
  Turn& turn = *turn_;
  turn.body_ended = turn.head.body == BodyKind::none;
  if (turn.head.body == BodyKind::chunked) {
    turn.chunks.emplace(UINT64_MAX / 2, options().max_header);
  }
  turn.head_only = turn.head.method == "HEAD";
  turn.body_begin = turn.progress = net::Loop::now();
  turn.stream = std::make_shared<RequestStream>(*this);
  turn.user = context_->serve(turn.stream);
  while (true) {
    if (turn.body_wanted && !turn.body_ended && take_body()) {
      turn.user->body_arrived();
    }
    frame();
    const Status status = turn.out ? flush(*turn.out) : Status::done;
    const bool dead = status == Status::gone || status == Status::broken || !client_open_ || happened(kAbort);
    if (turn.cut || (dead && !(turn.ended && status == Status::done))) {
      reset_ = turn.begun && (turn.cut || status == Status::broken);
      const auto user = std::exchange(turn.user, nullptr);
      turn.stream->detach();
      turn.cut ? user->finished(false, turn.written) : user->client_gone();
      co_return false;
    }
    if (turn.ended && status == Status::done) {
      break;
    }
    if (turn.begun && !turn.ended && turn.stream->was_full() && turn.stream->unsent() < RequestStream::kLowWater) {
      turn.stream->emptied();
      turn.user->drained();
      continue;
    }
    if (!co_await wait_for_something(status)) {
      reset_ = turn.begun;
      const auto user = std::exchange(turn.user, nullptr);
      turn.stream->detach();
      user->client_gone();
      co_return false;
    }
  }
  const bool keep = turn.keep && turn.body_ended;
  linger_ = !turn.body_ended || (!keep && !in_.empty());
  const auto user = std::exchange(turn.user, nullptr);
  turn.stream->detach();
  user->finished(true, turn.written);
  no_deadline();
  co_return keep;
}

bool ClientConnection::wants_input() const {
  const Turn& turn = *turn_;
  if (!client_open_ || half_closed_) {
    return false;
  }
  if (!turn.body_ended) {
    return turn.body_wanted && turn.body.size() < kBodyBuffer;
  }
  return in_.size() < options().max_header;  // pipelined requests, or the client leaving
}

// Waits for bytes, for room, for the user or for a deadline. False: the client has run out of time, or is gone.
Co<bool> ClientConnection::wait_for_something(Status status) {
  Turn& turn = *turn_;
  if (status == Status::cold) {
    no_deadline();
    warm(turn.out->cold_range());
    do {
      if ((co_await next(kAnswered) & kAbort) != 0) {
        co_return false;
      }
    } while (!warm_done());
    turn.out->warmed();
    co_return true;
  }
  const bool blocked = status == Status::blocked;
  if (blocked) {
    await_room(*turn.out);
  }
  const bool reading = wants_input();
  if (reading) {
    watch_readable();
  }
  if (blocked && turn.out->sent() != turn.seen) {
    turn.seen = turn.out->sent();
    turn.progress = net::Loop::now();
  }
  auto until = Clock::time_point::max();
  if (blocked) {
    until = turn.progress + limits_.write_idle;
  }
  if (reading && !turn.body_ended && turn.tunnel.empty()) {
    const auto now = net::Loop::now();
    const auto floor =
        turn.body_begin + options().header_deadline + std::chrono::seconds(turn.body_read / kBodyFloor);
    until = std::min({until, now + limits_.read_idle, floor});
  }
  if (until == Clock::time_point::max()) {
    no_deadline();
  } else {
    set_deadline(until - net::Loop::now());
  }
  const unsigned events = co_await next(kReadable | kWritable | kAnswered | kExpired);
  if ((events & kAbort) != 0) {
    co_return false;
  }
  if ((events & kReadable) != 0) {
    co_return read_input();
  }
  if ((events & kExpired) != 0 && (events & (kWritable | kAnswered)) == 0) {
    expire();
    co_return turn.response.has_value() && !blocked;
  }
  co_return true;
}

}  // namespace microtome::host
