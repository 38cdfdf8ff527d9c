// SPDX-License-Identifier: Apache-2.0
// How an HTTP connection sends answers.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "http/status.hpp"
#include "net/http_connection.hpp"
#include "net/response_head.hpp"

namespace microtome::net {
namespace {

constexpr std::uint64_t kPullAhead = 256 * 1024;  // bytes waiting to be sent above which no further piece is made

void append_chunk_size(SendQueue& out, std::uint64_t size) {
  std::array<char, 18> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size() - 2, size, 16);
  end[0] = '\r';
  end[1] = '\n';
  out.copy({text.data(), static_cast<std::size_t>(end + 2 - text.data())});
}

}  // namespace

// False: the connection ends.
Co<bool> HttpConnection::send(http::Response response) {
  Turn& turn = *turn_;
  if (response.status == http::status_of(Code::cancelled)) {
    if (!client_open_) {
      co_return false;  // nobody reads it
    }
    response = http::text_response(503, "try again");
  }
  turn.source = BodySource(std::move(response.body));
  const bool head_only = turn.head.method == "HEAD" || !may_have_body(response.status);
  if (turn.source.is_producer() && !head_only && !co_await first_piece(response)) {
    co_return false;
  }
  const bool old = turn.head.version < 11;
  turn.chunked = !turn.source.length() && !old && may_have_body(response.status);
  const bool keep = turn.head.keep_alive && !stopping() && (turn.source.length() || turn.chunked || head_only);
  const KeepAlive said = !keep ? KeepAlive::close : old ? KeepAlive::stated : KeepAlive::implied;
  turn.out = loop().take_queue();
  std::string text;
  text.reserve(512);
  if (append_http_head(text, response, {turn.source.length(), turn.chunked}, said, loop().date()) > 0) {
    shared().log.warning("a header of the answer holds bytes that no header may hold; left out");
  }
  turn.out->copy(text);
  bool sent = false;
  if (!head_only && turn.source.is_producer()) {
    sent = co_await send_produced();
  } else {
    if (!head_only) {
      turn.source.move(*turn.out, UINT64_MAX);
    }
    sent = turn.out->flush(fd()) == SendQueue::Status::done || co_await drain();
  }
  loop().give_back(std::move(turn.out));
  if (!sent || !keep) {
    linger_ = linger_ || (sent && !in_.empty());
    co_return false;
  }
  co_return true;
}

// Until the queue is empty. False: the connection is dead, or must be cut.
Co<bool> HttpConnection::drain() {
  std::uint64_t seen = 0;
  set_deadline(options().write_deadline);
  while (true) {
    const SendQueue::Status status = turn_->out->flush(fd());
    if (status == SendQueue::Status::done) {
      no_deadline();
      co_return true;
    }
    if (!co_await wait_sendable(status, seen)) {
      co_return false;
    }
  }
}

// Waits until what stopped the queue is over. `seen` is how much had been sent the last time.
Co<bool> HttpConnection::wait_sendable(SendQueue::Status status, std::uint64_t& seen) {
  SendQueue& out = *turn_->out;
  if (out.sent() > seen) {
    seen = out.sent();
    set_deadline(options().write_deadline);
  }
  if (status == SendQueue::Status::cold) {
    no_deadline();
    warm(out.cold_range());
    do {
      if ((co_await next(kAnswered) & kAbort) != 0) {
        co_return false;
      }
    } while (!warm_done());
    out.warmed();
    set_deadline(options().write_deadline);
    co_return true;
  }
  if (status == SendQueue::Status::broken) {
    shared().log.error("a file became shorter, or could not be read, while it was sent: connection cut");
    reset_ = true;
    co_return false;
  }
  if (status == SendQueue::Status::gone) {
    co_return false;
  }
  if (out.budget_spent()) {
    co_return co_await pause();
  }
  watch_writable();
  const unsigned events = co_await next(kWritable | kExpired);
  reset_ = reset_ || (events & kWritable) == 0;
  co_return (events & kWritable) != 0 && (events & kAbort) == 0;
}

// The first piece is made before the head is sent, so that what fails at once still gets its proper status.
Co<bool> HttpConnection::first_piece(http::Response& response) {
  Turn& turn = *turn_;
  if (!begin_pull()) {
    response = http::text_response(503, "busy");
    turn.source = BodySource(std::move(response.body));
    co_return true;
  }
  while (!turn.pulled) {
    if (client_open_ && in_.size() < options().max_header) {
      watch_readable();
    }
    const unsigned events = co_await next(kReadable | kAnswered);
    if ((events & kAbort) != 0 || ((events & kReadable) != 0 && !watch_client())) {
      turn.cancel.cancel();
      co_return false;
    }
  }
  if (!turn.pulled->more) {
    const Error error = turn.pulled->more.error();
    shared().log.warning(error.message + (error.context.empty() ? "" : ": " + error.context));
    turn.pulled.reset();
    if (error.code == Code::cancelled && !client_open_) {
      co_return false;
    }
    response = http::error_response(error);
    turn.source = BodySource(std::move(response.body));
    co_return true;
  }
  reset_ = !take_pulled();
  co_return !reset_;
}

bool HttpConnection::begin_pull() {
  auto arrive = [loop = loop_pointer(), self = weak()](BodySource::Pulled pulled) {
    post(loop, self,
         [held = std::make_shared<BodySource::Pulled>(std::move(pulled))](HttpConnection& connection) mutable {
           if (connection.turn_) {
             connection.turn_->pulled = std::move(*held);
             connection.wake(kAnswered);
           }
         });
  };
  return turn_->source.pull(shared().pool, turn_->cancel, std::move(arrive)).has_value();
}

// False: the answer cannot be finished.
bool HttpConnection::take_pulled() {
  auto taken = turn_->source.arrived(std::move(*turn_->pulled));
  turn_->pulled.reset();
  if (!taken && taken.error().code != Code::cancelled) {
    shared().log.error("answer cut: " + taken.error().message + " " + taken.error().context);
  }
  return taken.has_value();
}

// Waits for the next piece, for room in the socket, or for the client to leave. False: the answer is cut.
Co<bool> HttpConnection::wait_produced(bool blocked, bool refused, std::uint64_t& seen) {
  constexpr std::chrono::milliseconds kRetry{100};
  Turn& turn = *turn_;
  if (turn.out->sent() > seen) {
    seen = turn.out->sent();
    turn.progress = Loop::now();
  }
  if (blocked) {
    watch_writable();
  }
  if (client_open_ && in_.size() < options().max_header) {
    watch_readable();
  }
  const auto left = turn.progress + options().write_deadline - Loop::now();
  if (refused) {
    set_deadline(std::min<Clock::duration>(kRetry, left));
  } else if (blocked) {
    set_deadline(left);
  } else {
    no_deadline();
  }
  const unsigned events = co_await next(kReadable | kWritable | kAnswered | kExpired);
  if ((events & kAbort) != 0 || ((events & kReadable) != 0 && !watch_client()) || turn.cancel.cancelled()) {
    co_return false;
  }
  co_return (events & kExpired) == 0 || Loop::now() < turn.progress + options().write_deadline;
}

Co<bool> HttpConnection::send_produced() {
  Turn& turn = *turn_;
  SendQueue& out = *turn.out;
  std::uint64_t seen = 0;
  bool ended = false;
  turn.progress = Loop::now();
  while (true) {
    if (turn.pulled && !take_pulled()) {
      reset_ = true;
      co_return false;
    }
    if (const std::uint64_t ready = turn.source.ready(); ready > 0) {
      if (turn.chunked) {
        append_chunk_size(out, ready);
      }
      turn.source.move(out, ready);
      if (turn.chunked) {
        out.copy("\r\n");
      }
    }
    if (turn.source.finished() && !ended) {
      ended = true;
      out.copy(turn.chunked ? "0\r\n\r\n" : "");
    }
    const SendQueue::Status status = out.flush(fd());
    if (status == SendQueue::Status::done && ended) {
      no_deadline();
      co_return true;
    }
    // Not begun (the pool is full): tried again whenever the peer takes bytes, or after a tick.
    const bool wants = !ended && !turn.source.pulling() && out.size() < kPullAhead;
    const bool begun = wants && begin_pull();
    if (status != SendQueue::Status::done && status != SendQueue::Status::blocked) {
      reset_ = true;
      co_return false;
    }
    if (!co_await wait_produced(status == SendQueue::Status::blocked, wants && !begun, seen)) {
      turn.cancel.cancel();
      reset_ = true;
      co_return false;
    }
  }
}

}  // namespace microtome::net
