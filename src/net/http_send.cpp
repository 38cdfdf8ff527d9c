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

bool HttpConnection::head_only(int status) const {
  return turn_->head.method == "HEAD" || !may_have_body(status);
}

// Decides how the length shows and whether the connection stays, and queues the head. `length` unset: a producer that
// does not know.
void HttpConnection::queue_head(http::Response& response, std::optional<std::uint64_t> length) {
  Turn& turn = *turn_;
  const bool old = turn.head.version < 11;
  turn.chunked = !length && !old && may_have_body(response.status);
  turn.keep = turn.head.keep_alive && !stopping() && (length || turn.chunked || head_only(response.status));
  const KeepAlive said = !turn.keep ? KeepAlive::close : old ? KeepAlive::stated : KeepAlive::implied;
  turn.out = loop().take_queue();
  turn.out->write([&](std::string& text) {
    if (append_http_head(text, response, {length, turn.chunked}, said, loop().date()) > 0) {
      shared().log.warning("a header of the answer holds bytes that no header may hold; left out");
    }
  });
  turn.head_size = turn.out->size();
}

// Queues an answer that is all there. False: nobody is left to read it.
bool HttpConnection::queue_answer() {
  http::Response& response = *turn_->answer;
  if (response.status == http::status_of(Code::cancelled)) {
    if (!client_open_) {
      return false;
    }
    response = http::text_response(503, "try again");
  }
  queue_head(response, http::body_length(response.body));
  if (!head_only(response.status)) {
    turn_->out->body(std::move(response.body));
  }
  return true;
}

// True: the connection serves on.
bool HttpConnection::end_answer(bool sent) {
  Turn& turn = *turn_;
  const std::uint64_t bytes = turn.out->sent();
  turn.record.sent(bytes - std::min(bytes, turn.head_size));
  if (sent) {
    turn.record.whole();
  }
  loop().give_back(std::move(turn_->out));
  if (!sent || !turn_->keep) {
    linger_ = linger_ || (sent && (!in_.empty() || bytes_wait()));
    return false;
  }
  return true;
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

// An answer that is made while it is sent. False: the connection ends.
Co<bool> HttpConnection::send_produced() {
  Turn& turn = *turn_;
  turn.source = BodySource(std::move(turn.answer->body));
  turn.answer->body = http::Body();
  if (head_only(turn.answer->status)) {
    queue_head(*turn.answer, turn.source.length());
    co_return end_answer(co_await drain());
  }
  if (!co_await first_piece()) {
    co_return false;
  }
  if (!turn.source.is_producer()) {  // it failed at once; an error is to be sent instead
    const bool queued = queue_answer();
    co_return queued&& end_answer(co_await drain());
  }
  queue_head(*turn.answer, turn.source.length());
  const bool sent = co_await send_pieces();
  co_return end_answer(sent);
}

// The first piece is made before the head is sent, so that what fails at once still gets its proper status.
Co<bool> HttpConnection::first_piece() {
  Turn& turn = *turn_;
  if (!begin_pull()) {
    turn.answer = http::text_response(503, "busy");
    turn.source = BodySource();
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
    const Error& error = turn.pulled->more.error();
    shared().log.warning(error.message + (error.context.empty() ? "" : ": " + error.context));
    turn.answer = http::error_response(error);
    turn.record.answered(*turn.answer);
    turn.source = BodySource();
    turn.pulled.reset();
    co_return true;
  }
  reset_ = !take_pulled();
  co_return !reset_;
}

bool HttpConnection::begin_pull() {
  auto arrive = [loop = loop_pointer(), self = weak(), serial = serial_](BodySource::Pulled pulled) {
    post(loop, self,
         [serial, held = std::make_shared<BodySource::Pulled>(std::move(pulled))](HttpConnection& connection) {
           if (connection.turn_ != nullptr && connection.serial_ == serial) {
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

void HttpConnection::queue_piece() {
  Turn& turn = *turn_;
  const std::uint64_t ready = turn.source.ready();
  if (ready == 0) {
    return;
  }
  if (turn.chunked) {
    append_chunk_size(*turn.out, ready);
  }
  turn.source.move(*turn.out, ready);
  if (turn.chunked) {
    turn.out->copy("\r\n");
  }
}

Co<bool> HttpConnection::send_pieces() {
  Turn& turn = *turn_;
  SendQueue& out = *turn.out;
  std::uint64_t seen = 0;
  bool ended = false;
  turn.progress = Loop::now();
  while (true) {
    if (turn.pulled && !take_pulled()) {
      break;
    }
    queue_piece();
    if (turn.source.finished() && !ended) {
      ended = true;
      out.copy(turn.chunked ? "0\r\n\r\n" : "");
    }
    const SendQueue::Status status = out.flush(fd());
    if (status == SendQueue::Status::done && ended) {
      no_deadline();
      co_return true;
    }
    if (status != SendQueue::Status::done && status != SendQueue::Status::blocked) {
      break;
    }
    // Not begun (the pool is full): tried again whenever the peer takes bytes, or after a while.
    const bool wants = turn.source.may_pull() && out.size() < kPullAhead;
    const bool begun = wants && begin_pull();
    if (!co_await wait_produced(status == SendQueue::Status::blocked, wants && !begun, seen)) {
      turn.cancel.cancel();
      break;
    }
  }
  reset_ = true;
  co_return false;
}

// Waits for the next piece, for room in the socket, or for the client to leave. False: the answer is cut.
Co<bool> HttpConnection::wait_produced(bool blocked, bool refused, std::uint64_t& seen) {
  constexpr std::chrono::milliseconds kRetry{100};
  Turn& turn = *turn_;
  if (turn.out->sent() > seen) {
    seen = turn.out->sent();
    turn.progress = Loop::now();
  }
  if (blocked && turn.out->budget_spent()) {
    co_return co_await pause();
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

}  // namespace microtome::net
