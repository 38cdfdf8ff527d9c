// SPDX-License-Identifier: Apache-2.0
// How a connection reads requests. Sending is in http_send.cpp.
#include "net/http_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "http/status.hpp"
#include "net/forwarding.hpp"

namespace microtome::net {
namespace {

constexpr int kMostInARow = 16;            // pipelined requests before other connections get their turn
constexpr std::uint64_t kBodyFloor = 200;  // bytes a second that a body must bring

}  // namespace

Detached HttpConnection::run() {
  const auto self = shared_from_this();
  while (true) {
    if (in_.empty()) {
      if (stopping() || !client_open_) {
        break;
      }
      const unsigned events = co_await next_request();
      set_idle(false);
      // The server stops: what had already been sent to it is still answered.
      if ((events & kAbort) != 0 || ((events & kReadable) == 0 && ((events & kStop) == 0 || !bytes_wait()))) {
        break;
      }
    }
    if (!co_await serve()) {
      break;
    }
    if (!in_.empty() && ++in_a_row_ >= kMostInARow && !co_await pause()) {
      break;
    }
  }
  if (linger_ && !happened(kAbort)) {
    co_await linger_with([this](std::span<char>& got) { return receive(got); });
  }
  close(reset_);
}

// Lets everything go that an idle connection does not need, and waits for the first byte of a request.
Connection::Next HttpConnection::next_request() {
  std::string().swap(in_);
  in_a_row_ = 0;
  set_idle(true);
  set_deadline(first_ ? options().header_deadline : options().idle_deadline);
  watch_readable();
  return next(kReadable | kExpired | kStop);
}

// One request and its answer. False: the connection ends.
Co<bool> HttpConnection::serve() {
  Turn turn;
  const TurnScope scope(*this, turn);
  set_deadline(options().header_deadline);
  Step step = take_input();
  if (step == Step::wait && in_.empty()) {
    co_return true;  // a false alarm: still idle
  }
  first_ = false;
  while (step == Step::wait) {
    watch_readable();
    const unsigned events = co_await next(kReadable | kExpired);
    if ((events & kAbort) != 0) {
      co_return false;
    }
    if ((events & kReadable) == 0) {
      turn.refusal = Refusal{408, "request timeout"};
      break;
    }
    step = take_input();
  }
  if (step == Step::ended) {
    co_return false;
  }
  if (!turn.refusal && turn.head.body != BodyKind::none && !co_await read_body()) {
    co_return false;
  }
  no_deadline();
  if (turn.refusal) {
    linger_ = true;
    turn.head.keep_alive = false;
    turn.answer = http::text_response(turn.refusal->status, turn.refusal->message);
    turn.record.refused(options(), make_request(), turn.refusal->status);
  } else {
    http::Request request = make_request();
    turn.record.begin(options(), request, turn.head.version < 11 ? "HTTP/1.0" : "HTTP/1.1");
    auto exchange = std::make_shared<Exchange>(loop_pointer(), weak(), ++serial_, std::move(request), turn.cancel);
    turn.answer = Exchange::run(shared().handler, std::move(exchange));
    if (!turn.answer && !co_await wait_answer()) {
      co_return false;
    }
  }
  turn.record.answered(*turn.answer);
  if (std::holds_alternative<std::shared_ptr<http::Producer>>(turn.answer->body)) {
    co_return co_await send_produced();
  }
  if (!queue_answer()) {
    co_return false;
  }
  const bool sent = turn.out->flush(fd()) == SendQueue::Status::done || co_await drain();
  co_return end_answer(sent);
}

// Receives and looks for a head, as long as there is something to receive.
HttpConnection::Step HttpConnection::take_input() {
  if (!in_.empty() && turn_->fresh && take_head(in_, true)) {
    return Step::ready;
  }
  turn_->fresh = false;
  while (true) {
    std::span<char> got;
    const Got what = receive(got);
    if (what == Got::nothing) {
      return Step::wait;
    }
    if (what != Got::bytes) {
      client_open_ = false;
      return Step::ended;
    }
    const bool buffered = !in_.empty();
    if (buffered) {
      in_.append(got.data(), got.size());
    }
    if (take_head(buffered ? std::string_view(in_) : std::string_view(got.data(), got.size()), buffered)) {
      return Step::ready;
    }
  }
}

// True when the head is there, or is refused. What follows it is kept in in_.
bool HttpConnection::take_head(std::string_view bytes, bool buffered) {
  Turn& turn = *turn_;
  const auto end = turn.scanner.scan(bytes, limits());
  if (!end) {
    turn.refusal = end.error();
    return true;
  }
  if (*end == 0) {
    if (!buffered) {
      in_.assign(bytes);
    }
    return false;
  }
  auto head = parse_head(bytes.substr(0, *end), limits());
  if (head) {
    turn.head = std::move(*head);
  } else {
    turn.refusal = head.error();
  }
  if (buffered) {
    in_.erase(0, *end);
  } else {
    in_.assign(bytes.substr(*end));
  }
  return true;
}

void HttpConnection::send_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  // The socket is empty at this point; a client that does not get it sends its body after a while, or expires.
  (void)::send(fd(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Co<bool> HttpConnection::read_body() {
  Turn& turn = *turn_;
  if (turn.head.body == BodyKind::length && turn.head.content_length > options().max_body) {
    turn.refusal = Refusal{413, "body too large"};
    co_return true;
  }
  if (turn.head.body == BodyKind::chunked) {
    turn.chunks.emplace(options().max_body, options().max_header);
  }
  if (turn.head.expect_continue && in_.empty()) {
    send_continue();
  }
  const auto begin = Loop::now();
  std::uint64_t received = in_.size();
  while (!take_body()) {
    const auto floor = std::chrono::seconds(received / kBodyFloor);
    set_deadline(std::min<Clock::duration>(options().header_deadline,
                                           begin + options().header_deadline + floor - Loop::now()));
    watch_readable();
    const unsigned events = co_await next(kReadable | kExpired);
    if ((events & kAbort) != 0) {
      co_return false;
    }
    if ((events & kReadable) == 0) {
      turn.refusal = Refusal{408, "request timeout"};
      co_return true;
    }
    std::span<char> got;
    const Got what = receive(got);
    if (what == Got::end || what == Got::reset) {
      client_open_ = false;
      co_return false;
    }
    if (what == Got::bytes) {
      in_.append(got.data(), got.size());
      received += got.size();
    }
  }
  co_return true;
}

// Moves what belongs to the body from in_. True when it is whole, or refused.
bool HttpConnection::take_body() {
  Turn& turn = *turn_;
  if (!turn.chunks) {
    const auto wanted = static_cast<std::size_t>(turn.head.content_length) - turn.body.size();
    const std::size_t step = std::min(wanted, in_.size());
    turn.body.append(in_, 0, step);
    in_.erase(0, step);
    return step == wanted;
  }
  const auto used = turn.chunks->feed(in_, turn.body);
  if (!used || turn.body.size() > options().max_body) {
    turn.refusal = used ? Refusal{413, "body too large"} : used.error();
    return true;
  }
  in_.erase(0, *used);
  return turn.chunks->done();
}

http::Request HttpConnection::make_request() {
  Head& head = turn_->head;
  http::Request request;
  request.method = head.method;
  request.path = std::move(head.path);
  request.query = std::move(head.query);
  request.headers = std::move(head.headers);
  request.body = std::move(turn_->body);
  request.authority = std::move(head.authority);
  request.remote_address = peer().address;
  apply_public_address(request, peer().trusted, shared().trusted, options().mount);
  return request;
}

void HttpConnection::answered(std::uint64_t serial, http::Response response) {
  if (turn_ != nullptr && serial == serial_ && !turn_->answer) {
    turn_->answer = std::move(response);
    wake(kAnswered);
  }
}

// While somebody else works on the answer: takes in what is pipelined, and notices when the client leaves.
Co<bool> HttpConnection::wait_answer() {
  Turn& turn = *turn_;
  while (!turn.answer) {
    if (client_open_ && in_.size() < options().max_header) {
      watch_readable();
    }
    const unsigned events = co_await next(kReadable | kAnswered);
    if ((events & kAbort) != 0) {
      turn.cancel.cancel();
      co_return false;
    }
    if ((events & kReadable) != 0 && !watch_client()) {
      co_return false;
    }
  }
  co_return true;
}

// False when the connection is dead.
bool HttpConnection::watch_client() {
  if (!client_open_) {
    return true;
  }
  std::span<char> got;
  switch (receive(got, options().max_header)) {
    case Got::bytes:
      in_.append(got.data(), got.size());
      return true;
    case Got::nothing:
      return true;
    case Got::end:
      client_open_ = false;
      if (peer_has_left()) {
        turn_->cancel.cancel();
      }
      return true;
    case Got::reset:
      client_open_ = false;
      turn_->cancel.cancel();
      return false;
  }
  return true;
}

// Lets the other connections of this loop have their turn.
Co<bool> HttpConnection::pause() {
  in_a_row_ = 0;
  loop().post([self = weak()] {
    if (const auto connection = self.lock()) {
      connection->wake(kAnswered);
    }
  });
  const unsigned events = co_await next(kAnswered);
  co_return (events & kAbort) == 0;
}

}  // namespace microtome::net
