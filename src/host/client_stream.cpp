// SPDX-License-Identifier: Apache-2.0
#include "host/client_stream.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "net/response_head.hpp"

namespace microtome::host {

using RequestStream = ClientConnection::RequestStream;

const char* RequestStream::protocol() const {
  return connection_ != nullptr && connection_->turn_->head.version < 11 ? "HTTP/1.0" : "HTTP/1.1";
}

void RequestStream::want_body() {
  if (connection_ != nullptr) {
    connection_->turn_->body_wanted = true;
  }
}

std::string RequestStream::take_body() {
  return connection_ != nullptr ? std::exchange(connection_->turn_->body, {}) : std::string{};
}

bool RequestStream::body_ended() const {
  return connection_ == nullptr || (connection_->turn_->body_ended && connection_->turn_->body.empty());
}

bool RequestStream::has_body() const {
  return connection_ != nullptr && connection_->turn_->head.body != net::BodyKind::none;
}

void RequestStream::limit_body(std::uint64_t bytes) {
  if (connection_ != nullptr) {
    connection_->turn_->body_limit = bytes;
  }
}

void RequestStream::respond(http::Response response) {
  if (connection_ == nullptr || connection_->turn_->response) {
    return;
  }
  Turn& turn = *connection_->turn_;
  turn.response = std::move(response);
  turn.whole = turn.ended = true;
}

void RequestStream::begin(http::Response head, std::optional<std::uint64_t> length) {
  if (connection_ == nullptr || connection_->turn_->response) {
    return;
  }
  Turn& turn = *connection_->turn_;
  turn.response = std::move(head);
  turn.length = length;
}

void RequestStream::write(std::string_view bytes) {
  if (connection_ == nullptr || bytes.empty()) {
    return;
  }
  connection_->turn_->pending.append(bytes);
  if (unsent() > kHighWater) {
    was_full_ = true;
  }
}

void RequestStream::end() {
  if (connection_ != nullptr) {
    connection_->turn_->ended = true;
  }
}

bool RequestStream::tunnel(const std::string& protocol) {
  if (connection_ == nullptr || begun() || connection_->turn_->head.version < 11 || has_body()) {
    return false;
  }
  Turn& turn = *connection_->turn_;
  turn.tunnel = protocol;
  turn.head.content_length = UINT64_MAX;  // what comes from now on is a body without an end
  turn.body_ended = false;
  turn.body_wanted = true;
  return true;
}

void RequestStream::cut() {
  if (connection_ != nullptr) {
    connection_->turn_->cut = true;
  }
}

std::size_t RequestStream::unsent() const {
  if (connection_ == nullptr) {
    return 0;
  }
  const Turn& turn = *connection_->turn_;
  return turn.pending.size() + (turn.out ? turn.out->size() : 0);
}

bool RequestStream::begun() const {
  return connection_ != nullptr && connection_->turn_->response.has_value();
}

void RequestStream::limits(const ConnectionLimits& limits) {
  if (connection_ != nullptr) {
    connection_->use_limits(limits);
  }
}

void RequestStream::commit() {
  if (connection_ != nullptr) {
    const auto self = connection_->shared_from_this();
    connection_->wake(kAnswered);
  }
}

// Puts the head of the answer into the queue, and the body when it is whole.
void ClientConnection::send_head() {
  Turn& turn = *turn_;
  const http::Response& response = *turn.response;
  if (!turn.tunnel.empty()) {
    return send_switch();
  }
  net::BodySource source;
  if (turn.whole) {
    source = net::BodySource(std::move(turn.response->body));
    turn.length = source.length();
  }
  const bool old = turn.head.version < 11;
  const bool bodiless = turn.head_only || !net::may_have_body(response.status);
  turn.chunked = !turn.length && !old && net::may_have_body(response.status) && !turn.head_only;
  turn.keep = turn.head.keep_alive && !stopping() && (!half_closed_ || !in_.empty()) &&
              served_ < limits_.max_requests && turn.body_ended && (turn.length || turn.chunked || bodiless);
  const net::KeepAlive said = !turn.keep ? net::KeepAlive::close
                              : old      ? net::KeepAlive::stated
                                         : net::KeepAlive::implied;
  std::string text;
  text.reserve(512);
  // HEAD of an answer of unknown length: the same fields as GET would get.
  const bool would_chunk = turn.head_only && !turn.length && !old && net::may_have_body(response.status);
  if (net::append_http_head(text, response, {turn.length, turn.chunked || would_chunk}, said, loop().date()) > 0) {
    shared().log.warning("a header of the answer holds bytes that no header may hold; left out");
  }
  if (old) {
    text[7] = '0';  // HTTP/1.0: clients of that age look at it
  }
  turn.out->copy(text);
  turn.begun = true;
  if (turn.whole && !bodiless) {
    turn.written = source.length().value_or(0);
    source.move(*turn.out, UINT64_MAX);
  }
}

// The head of an answer behind which another protocol begins.
void ClientConnection::send_switch() {
  Turn& turn = *turn_;
  std::string text = "HTTP/1.1 101 Switching Protocols\r\n";
  http::append_field_lines(text, turn.response->headers);
  text += "Connection: upgrade\r\nUpgrade: " + turn.tunnel + "\r\n\r\n";
  turn.out->copy(text);
  turn.keep = turn.chunked = false;
  turn.begun = true;
}

// Moves what was written to the queue, in chunks where the length was not known.
void ClientConnection::frame() {
  Turn& turn = *turn_;
  if (!turn.response) {
    return;
  }
  if (!turn.begun) {
    if (!turn.whole && turn.ended && !turn.length && !turn.head_only && turn.tunnel.empty()) {
      turn.length = turn.pending.size();  // all of it is here: no need for chunks
    }
    turn.out = loop().take_queue();
    send_head();
    if (turn.whole) {
      return;
    }
  }
  const bool bodiless = turn.tunnel.empty() && (turn.head_only || !net::may_have_body(turn.response->status));
  if (!turn.pending.empty() && !bodiless) {
    turn.written += turn.pending.size();
    if (turn.chunked) {
      std::array<char, 18> size;
      const auto end = std::to_chars(size.data(), size.data() + 16, turn.pending.size(), 16).ptr;
      turn.out->copy({size.data(), static_cast<std::size_t>(end - size.data())});
      turn.out->copy("\r\n");
    }
    turn.out->copy(turn.pending);
    if (turn.chunked) {
      turn.out->copy("\r\n");
    }
  }
  turn.pending.clear();
  if (turn.ended && turn.chunked) {
    turn.chunked = false;
    turn.out->copy("0\r\n\r\n");
  }
}

}  // namespace microtome::host
