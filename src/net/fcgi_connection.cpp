// SPDX-License-Identifier: Apache-2.0
// How a FastCGI connection runs and what it reads. Answers are in fcgi_send.cpp.
#include "net/fcgi_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "http/status.hpp"
#include "net/fcgi_request.hpp"

namespace microtome::net {
namespace {

constexpr std::uint64_t kBodyFloor = 200;  // bytes a second that STDIN must bring
constexpr std::uint64_t kStopReading = 1
                                       << 20;  // bytes not taken by the web server, above which nothing more is read
constexpr int kReadsAtOnce = 16;
constexpr std::size_t kMaxValuesAsked = 64;  // names in one GET_VALUES

}  // namespace

FcgiConnection::FcgiConnection(std::shared_ptr<Loop> loop, std::shared_ptr<const Shared> shared, int fd, Peer peer,
                               std::atomic<std::size_t>& count, bool overloaded)
    : Connection(std::move(loop), std::move(shared), fd, std::move(peer), count), overloaded_(overloaded) {}

Detached FcgiConnection::run() {
  const auto self = shared_from_this();
  // The web server usually writes right after it connects: often all is here already, and the poller is never asked.
  bool alive = read_input();
  while (alive && !cut_) {
    fill();
    const SendQueue::Status status = push();
    if (status == SendQueue::Status::gone || status == SendQueue::Status::broken) {
      cut_ = true;
      break;
    }
    if (status == SendQueue::Status::done) {
      if (std::ranges::any_of(active_, [this](const auto& active) { return ready_to_send(*active); })) {
        continue;
      }
      if (finished()) {
        break;
      }
    }
    const unsigned events = co_await next(interests(status));
    if ((events & kAbort) != 0) {
      cut_ = true;
      break;
    }
    if (warming_ && warm_done()) {
      warming_ = false;
      out_->warmed();
    }
    if ((events & kExpired) != 0) {
      expire();
    }
    if ((events & kReadable) != 0) {
      alive = read_input();
    }
  }
  for (const auto& active : active_) {
    active->cancel.cancel();
    active->record.end(options());
  }
  active_.clear();
  if (!cut_ && open_ && unread_) {
    co_await drain_input();
  }
  close(cut_);
}

// Sends what is queued. cold: a worker brings the next bytes in.
SendQueue::Status FcgiConnection::push() {
  if (!out_) {
    return SendQueue::Status::done;
  }
  if (warming_) {
    return SendQueue::Status::cold;
  }
  const SendQueue::Status status = out_->flush(fd());
  if (status == SendQueue::Status::done) {
    loop().give_back(std::move(out_));
    sent_before_ = 0;
  } else if (status == SendQueue::Status::cold) {
    warming_ = true;
    warm(out_->cold_range());
  } else if (status == SendQueue::Status::broken) {
    shared().log.error("a file became shorter, or could not be read, while it was sent: connection cut");
  }
  return status;
}

// Watches what is needed, and says what may wake us.
unsigned FcgiConnection::interests(SendQueue::Status status) {
  const bool blocked = status == SendQueue::Status::blocked;
  if (blocked && out_->budget_spent()) {
    loop().post([self = weak()] {
      if (const auto connection = self.lock()) {
        connection->wake(kAnswered);
      }
    });
  } else if (blocked) {
    watch_writable();
  }
  if (open_ && (!out_ || out_->size() < kStopReading)) {
    watch_readable();
  }
  set_idle(active_.empty() && !out_);
  set_next_deadline(blocked);
  return kReadable | kWritable | kAnswered | kExpired | (stopping() ? 0U : static_cast<unsigned>(kStop));
}

void FcgiConnection::set_next_deadline(bool blocked) {
  auto deadline = Clock::time_point::max();
  if (out_ && out_->sent() != sent_before_) {
    sent_before_ = out_->sent();
    progress_ = Loop::now();
  }
  if (blocked) {
    deadline = progress_ + options().write_deadline;
  }
  for (const auto& active : active_) {
    if (!active->handed_over) {
      deadline = std::min(
          deadline, active->begun + options().header_deadline + std::chrono::seconds(active->received / kBodyFloor));
    }
    if (active->wants_pull) {
      deadline = std::min(deadline, Loop::now() + std::chrono::milliseconds(100));
    }
  }
  // A kept connection is the web server's own; only one that never asked for anything is given up.
  if (!used_) {
    deadline = std::min(deadline, Loop::now() + options().idle_deadline);
  }
  set_deadline(deadline == Clock::time_point::max() ? Clock::duration::max() / 4 : deadline - Loop::now());
}

void FcgiConnection::expire() {
  const auto now = Loop::now();
  if (out_ && !out_->empty() && !warming_ && now >= progress_ + options().write_deadline) {
    cut_ = true;
    return;
  }
  if (!used_) {
    open_ = false;
    keep_ = false;
    return;
  }
  for (std::size_t i = active_.size(); i-- > 0;) {
    Active& active = *active_[i];
    if (active.wants_pull) {
      begin_pull(active);
    } else if (!active.handed_over &&
               now >= active.begun + options().header_deadline + std::chrono::seconds(active.received / kBodyFloor)) {
      refuse(active, 408, "request timeout");
    }
  }
}

// Nothing is running, nothing is to be sent, and no further request is to be expected.
bool FcgiConnection::finished() const {
  return active_.empty() && !out_ && (!open_ || (used_ && !keep_) || stopping());
}

bool FcgiConnection::read_input() {
  for (int i = 0; i < kReadsAtOnce && open_; ++i) {
    std::span<char> got;
    switch (receive(got)) {
      case Got::nothing:
        return true;
      case Got::end:
        peer_ended();
        return true;
      case Got::reset:
        return false;
      case Got::bytes:
        break;
    }
    if (!take_bytes({reinterpret_cast<const std::uint8_t*>(got.data()), got.size()})) {
      cut_ = true;
      return false;
    }
    if (got.size() < loop().scratch().size()) {
      return true;  // most likely all there was; the poller tells if not
    }
  }
  return true;
}

void FcgiConnection::peer_ended() {
  open_ = false;
  unread_ = false;
  // A request whose input is not complete never will be. The others are lost only if nobody is there to read.
  const bool left = peer_has_left();
  for (std::size_t i = active_.size(); i-- > 0;) {
    if (left || !active_[i]->handed_over) {
      active_[i]->cancel.cancel();
      remove(*active_[i]);
    }
  }
  if (left && out_) {
    cut_ = true;
  }
}

bool FcgiConnection::take_bytes(ByteView bytes) {
  const auto end = reader_.each(bytes, [this](const fcgi::Piece& piece) { return take_record(piece); });
  if (end == fcgi::RecordReader::Next::bad) {
    shared().log.warning("FastCGI: not a record of version 1; connection closed");
  }
  return end == fcgi::RecordReader::Next::more;
}

bool FcgiConnection::take_record(const fcgi::Piece& piece) {
  if (piece.header.id == 0) {
    if (piece.end_of_record) {
      take_management(piece);
    }
    return true;
  }
  if (piece.header.type == fcgi::Type::begin_request) {
    return begin(piece);
  }
  Active* active = find(piece.header.id);
  if (active == nullptr) {
    return true;  // answered already, or refused: swallowed
  }
  switch (piece.header.type) {
    case fcgi::Type::abort_request:
      active->cancel.cancel();
      end(*active, 0);
      break;
    case fcgi::Type::params:
      take_params(*active, piece);
      break;
    case fcgi::Type::stdin_stream:
      take_stdin(*active, piece);
      break;
    default:  // DATA belongs to a role that is refused; unknown types with an id are to be ignored
      break;
  }
  return true;
}

void FcgiConnection::take_management(const fcgi::Piece& piece) {
  std::string reply;
  if (piece.header.type != fcgi::Type::get_values) {
    fcgi::append_unknown_type(reply, piece.header.type);
  } else {
    std::string pairs;
    const std::size_t connections = options().max_connections;
    const auto requests = connections * static_cast<std::size_t>(std::max(1, options().max_requests_per_connection));
    const auto take = [&](std::string_view name, std::string_view /*value*/) {
      if (name == "FCGI_MAX_CONNS") {
        fcgi::append_pair(pairs, name, std::to_string(connections));
      } else if (name == "FCGI_MAX_REQS") {
        fcgi::append_pair(pairs, name, std::to_string(requests));
      } else if (name == "FCGI_MPXS_CONNS") {
        fcgi::append_pair(pairs, name, "1");
      }
      return true;
    };
    (void)fcgi::read_pairs(piece.content, take, kMaxValuesAsked);  // what is malformed gets what was understood
    fcgi::append_record(reply, fcgi::Type::get_values_result, 0, pairs);
  }
  if (!out_) {
    out_ = loop().take_queue();
    progress_ = Loop::now();
  }
  out_->copy(reply);
}

// BEGIN_REQUEST. False: the web server reuses an id that is not free.
bool FcgiConnection::begin(const fcgi::Piece& piece) {
  const auto begin = fcgi::read_begin_request(piece.content);
  if (!begin || find(piece.header.id) != nullptr) {
    shared().log.warning("FastCGI: malformed BEGIN_REQUEST, or an id that is in use; connection closed");
    return false;
  }
  used_ = true;
  keep_ = keep_ && begin->keep_connection();
  const bool responder = begin->role == static_cast<std::uint16_t>(fcgi::Role::responder);
  const auto most = static_cast<std::size_t>(std::max(1, options().max_requests_per_connection));
  if (!responder || overloaded_ || stopping() || active_.size() >= most) {
    if (!out_) {
      out_ = loop().take_queue();
      progress_ = Loop::now();
    }
    std::string reply;
    fcgi::append_end_request(reply, piece.header.id, 0,
                             responder ? fcgi::ProtocolStatus::overloaded : fcgi::ProtocolStatus::unknown_role);
    out_->copy(reply);
    unread_ = true;
    return true;
  }
  auto active = std::make_unique<Active>();
  active->id = piece.header.id;
  active->serial = ++serial_;
  active->begun = Loop::now();
  active_.push_back(std::move(active));
  return true;
}

void FcgiConnection::take_params(Active& active, const fcgi::Piece& piece) {
  if (active.request || active.handed_over) {
    return;  // after the end of the stream
  }
  if (!piece.end_of_stream()) {
    if (active.params.size() + piece.content.size() > options().max_params) {
      refuse(active, 431, "parameters too large");
    } else {
      active.params.append(as_text(piece.content));
    }
    return;
  }
  auto read = read_cgi_request(as_bytes(active.params), options().mount, shared().trusted);
  std::string().swap(active.params);
  if (!read) {
    refuse(active, read.error().code == Code::too_large ? 431 : 400, "malformed request");
    return;
  }
  if (read->repeated > 0) {
    shared().log.warning("FastCGI: parameters given more than once; the last counts");
  }
  const http::Request& request = active.request.emplace(std::move(read->request));
  active.content_length = read->content_length;
  active.head_only = request.method == "HEAD";
  if (request.path.size() + request.query.size() > options().max_target) {
    refuse(active, 414, "request target too long");
  } else if (active.content_length.value_or(0) > options().max_body) {
    refuse(active, 413, "body too large");
  }
}

void FcgiConnection::take_stdin(Active& active, const fcgi::Piece& piece) {
  if (active.handed_over || !active.request) {
    return;
  }
  if (piece.end_of_stream()) {
    if (active.content_length && active.received < *active.content_length) {
      active.cancel.cancel();  // the client died while it sent: nobody waits
      refuse(active, 400, "the body is shorter than its length");
      return;
    }
    hand_over(active);
    return;
  }
  // More than CONTENT_LENGTH is not the request's.
  const std::uint64_t wanted = active.content_length.value_or(UINT64_MAX) - active.received;
  const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, piece.content.size()));
  active.received += step;
  if (active.received > options().max_body) {
    refuse(active, 413, "body too large");
    return;
  }
  active.request->body.append(as_text(piece.content.first(step)));
}

void FcgiConnection::hand_over(Active& active) {
  using Exchange = SocketExchange<FcgiConnection>;
  active.handed_over = true;
  active.record.begin(options(), *active.request, "HTTP/1.1");
  auto exchange =
      std::make_shared<Exchange>(loop_pointer(), weak(), active.serial, std::move(*active.request), active.cancel);
  if (auto response = Exchange::run(shared().handler, std::move(exchange))) {
    answer(active, std::move(*response));
  }
}

void FcgiConnection::answered(std::uint64_t serial, http::Response response) {
  Active* active = find_serial(serial);
  if (active != nullptr && !closed()) {
    answer(*active, std::move(response));
    wake(kAnswered);
  }
}

FcgiConnection::Active* FcgiConnection::find(std::uint16_t id) {
  const auto found = std::ranges::find(active_, id, [](const auto& active) { return active->id; });
  return found == active_.end() ? nullptr : found->get();
}

FcgiConnection::Active* FcgiConnection::find_serial(std::uint64_t serial) {
  const auto found = std::ranges::find(active_, serial, [](const auto& active) { return active->serial; });
  return found == active_.end() ? nullptr : found->get();
}

void FcgiConnection::remove(Active& active) {
  active.record.end(options());
  const auto found = std::ranges::find(active_, &active, [](const auto& other) { return other.get(); });
  const auto place = static_cast<std::size_t>(found - active_.begin());
  active_.erase(found);
  turn_ -= place < turn_ ? 1 : 0;
}

// Reads what the web server still sends until it closes, so that our close is not a reset.
Co<bool> FcgiConnection::drain_input() {
  shutdown(fd(), SHUT_WR);
  set_deadline(options().header_deadline);
  while (true) {
    std::span<char> got;
    const Got what = receive(got);
    if (what == Got::end || what == Got::reset) {
      co_return true;
    }
    if (what == Got::nothing) {
      watch_readable();
      const unsigned events = co_await next(kReadable | kExpired);
      if ((events & kReadable) == 0 || (events & kAbort) != 0) {
        co_return false;
      }
    }
  }
}

}  // namespace microtome::net
