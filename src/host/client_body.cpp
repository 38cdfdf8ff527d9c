// SPDX-License-Identifier: Apache-2.0
// How a connection takes the bodies of requests, and what it does with those that do not come. Part of
// client_connection.
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "host/client_connection.hpp"
#include "host/client_stream.hpp"
#include "http/status.hpp"

namespace microtome::host {

// Whoever worked on the request hears nothing more of it; an answer of our own may follow, then the connection ends.
void ClientConnection::give_up_user() {
  Turn& turn = *turn_;
  turn.head.keep_alive = false;
  linger_ = true;
  const auto user = std::exchange(turn.user, std::make_shared<IdleUser>());
  turn.stream->detach();
  turn.stream = std::make_shared<RequestStream>(*this);
  user->client_gone();
}

// The client is too slow. A body that does not come is answered with 408 when nothing has been said yet.
void ClientConnection::expire() {
  Turn& turn = *turn_;
  if (!turn.body_ended && !turn.response) {
    give_up_user();
    turn.stream->respond(http::text_response(408, "request timeout"));
  }
}

// False: the connection is dead, or the client has left without waiting for its answer.
bool ClientConnection::read_input() {
  std::span<char> got;
  switch (receive(got, turn_->body_ended ? options().max_header : SIZE_MAX)) {
    case Got::bytes:
      in_.append(got.data(), got.size());
      return true;
    case Got::nothing:
      return true;
    case Got::end:
      if (turn_->begun || (turn_->body_ended && !turn_->head.keep_alive)) {
        half_closed_ = true;  // it may only have stopped writing; sending will tell
        return turn_->body_ended;
      }
      client_open_ = false;
      return false;
    case Got::reset:
      client_open_ = false;
      return false;
  }
  return true;
}

// Moves what belongs to the body from in_. True when the user has something to hear.
bool ClientConnection::take_body() {
  Turn& turn = *turn_;
  if (turn.head.expect_continue && !turn.continued && in_.empty() && !turn.begun) {
    turn.continued = true;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    send_now(kContinue);
  }
  if (in_.empty() || turn.body.size() >= kBodyBuffer) {
    return false;
  }
  const std::size_t before = turn.body.size();
  if (!turn.chunks) {
    const std::uint64_t left = turn.head.content_length - turn.body_read;
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(left, in_.size()));
    turn.body.append(in_, 0, step);
    in_.erase(0, step);
    turn.body_read += step;
    turn.body_ended = turn.body_read == turn.head.content_length;
    return true;
  }
  const auto used = turn.chunks->feed(in_, turn.body);
  turn.body_read += turn.body.size() - before;
  if (!used || (turn.body_limit > 0 && turn.body_read > turn.body_limit)) {
    give_up_user();
    if (turn.begun) {
      turn.cut = true;
    } else {
      turn.stream->respond(used ? http::text_response(413, "body too large")
                                : http::text_response(used.error().status, used.error().message));
    }
    return false;
  }
  in_.erase(0, *used);
  turn.body_ended = turn.chunks->done();
  return turn.body.size() > before || turn.body_ended;
}

}  // namespace microtome::host
