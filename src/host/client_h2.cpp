// SPDX-License-Identifier: Apache-2.0
// How a connection of the host carries HTTP/2.
#include <algorithm>
#include <array>
#include <utility>

#include "host/client_connection.hpp"
#include "host/h2_session.hpp"

namespace microtome::host {

using Clock = net::Clock;
using Status = net::SendQueue::Status;

namespace {

constexpr std::size_t kPiece = 64 * 1024;      // made for the socket at a time
constexpr std::size_t kStopReading = 1 << 20;  // not taken by the client, above which nothing more is read
constexpr std::string_view kPreface = "PRI ";  // no method begins like this

// base64url without padding (RFC 4648 section 5); nullopt when it is none.
std::optional<std::string> decode_settings(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '-'             ? 62
                      : c == '_'             ? 63
                                             : -1;
    if (value < 0) {
      return std::nullopt;
    }
    bits = bits << 6 | static_cast<unsigned>(value);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out += static_cast<char>(bits >> have & 0xff);
    }
  }
  return out;
}

bool names(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    while (item.starts_with(' ')) {
      item.remove_prefix(1);
    }
    while (item.ends_with(' ')) {
      item.remove_suffix(1);
    }
    const bool same = std::ranges::equal(item, wanted, [](unsigned char a, unsigned char b) {
      return (a >= 'A' && a <= 'Z' ? a + 32 : a) == (b >= 'A' && b <= 'Z' ? b + 32 : b);
    });
    if (same) {
      return true;
    }
  }
  return false;
}

}  // namespace

ClientConnection::~ClientConnection() = default;

void ClientConnection::start_h2() {
  H2Session::Links links;
  links.serve = context_->serve;
  links.refused = context_->refused;
  links.wake = [this] { wake(kAnswered); };
  links.queue = [this] { return loop().take_queue(); };
  links.date = [this] { return std::string(loop().date()); };
  links.limits = [this](const ConnectionLimits& limits) { use_limits(limits); };
  H2Limits limits;
  limits.head = this->limits();
  limits.header_deadline = std::chrono::duration_cast<std::chrono::seconds>(options().header_deadline);
  h2_ = std::make_unique<H2Session>(std::move(links), endpoint_, limits, shared().log);
}

// nullopt: more bytes are needed to tell.
std::optional<bool> ClientConnection::is_preface(std::string_view bytes) const {
  if (served_ > 0 || tls_ || !context_->h2c) {
    return false;
  }
  const std::string_view begin = bytes.substr(0, kPreface.size());
  return begin.size() == kPreface.size() ? std::optional(begin == kPreface)
         : kPreface.starts_with(begin)   ? std::nullopt
                                         : std::optional(false);
}

// HTTP/1.1's way to HTTP/2 (RFC 7540 3.2; gone from RFC 9113, but curl and others ask for it). True: it was taken.
bool ClientConnection::upgrade_to_h2() {
  net::Head& head = turn_->head;
  if (tls_ || !context_->h2c || head.version < 11 || head.body != net::BodyKind::none ||
      !names(head.headers.get("upgrade"), "h2c") || !names(head.headers.get("connection"), "http2-settings")) {
    return false;
  }
  const auto settings = decode_settings(head.headers.get("http2-settings"));
  if (!settings || settings->size() % 6 != 0) {
    return false;
  }
  start_h2();
  if (!h2_->upgrade(*settings, head)) {
    h2_.reset();
    return false;
  }
  send_now("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  return true;
}

// Until the connection ends; in_ holds what has been read already.
net::Co<bool> ClientConnection::serve_h2() {
  auto out = loop().take_queue();
  auto progress = net::Loop::now();
  std::uint64_t seen = 0;
  bool warming = false;
  bool open = true;
  if (!in_.empty()) {
    open = h2_->feed(std::exchange(in_, {}));
  }
  while (true) {
    h2_->service();
    stop_h2();
    // Behind Upgrade the client speaks first: there are clients that cannot take answers together with the 101.
    if (out->size() < kPiece && h2_->begun()) {
      h2_->produce(*out, kPiece);
    }
    const bool any = !out->empty();
    const Status status = flush(*out);
    if (status == Status::gone || status == Status::broken || happened(kAbort) || !client_open_) {
      break;
    }
    if (h2_->data_sent() != seen) {
      seen = h2_->data_sent();
      progress = net::Loop::now();
    }
    if (status == Status::done) {
      if (any) {
        continue;  // perhaps there is more to be made
      }
      if (h2_->finished() || !open) {
        linger_ = true;
        break;
      }
    }
    if (!warming) {
      if (const auto range = h2_->cold()) {
        warming = true;
        warm(*range);
      }
    }
    unsigned events = co_await wait_h2(*out, status, progress);
    if (warming && warm_done()) {
      warming = false;
      h2_->warmed();
    }
    if ((events & kReadable) != 0) {
      open = read_h2() && open;
    }
    if ((events & kExpired) != 0 && !expire_h2(status, progress)) {
      break;
    }
  }
  h2_->client_gone();
  loop().give_back(std::move(out));
  co_return false;
}

// When we stop, requests that are on their way are still answered: the client hears first that no more are wanted.
void ClientConnection::stop_h2() {
  if (!stopping() || h2_->stopping()) {
    return;
  }
  const auto now = net::Loop::now();
  if (h2_stop_at_ == Clock::time_point::max()) {
    h2_->announce_stop();
    h2_stop_at_ = now + context_->last_chance;
  }
  if (now >= h2_stop_at_) {
    h2_stop_at_ = Clock::time_point::max();
    h2_->stop();
  }
}

net::Co<unsigned> ClientConnection::wait_h2(net::SendQueue& out, Status status, Clock::time_point progress) {
  const bool blocked = status == Status::blocked;
  if (blocked) {
    await_room(out);
  }
  if (out.size() < kStopReading) {
    watch_readable();
  }
  const auto now = net::Loop::now();
  auto until = h2_->expire(now);
  if (h2_->idle()) {
    until =
        std::min(until, h2_idle_since_ + (h2_->served() == 0 ? options().header_deadline : limits_.keep_alive_idle));
  } else {
    h2_idle_since_ = now;
  }
  until = std::min(until, h2_stop_at_);
  if (blocked || h2_->has_unsent()) {
    until = std::min(until, progress + limits_.write_idle);
  }
  set_idle(h2_->idle());
  set_deadline(until == Clock::time_point::max() ? Clock::duration::max() / 4 : until - now);
  const unsigned events =
      co_await next(kReadable | kWritable | kAnswered | kExpired | (stopping() ? 0U : static_cast<unsigned>(kStop)));
  set_idle(false);
  co_return events;
}

// False: nothing more can be understood.
bool ClientConnection::read_h2() {
  std::span<char> got;
  switch (receive(got)) {
    case Got::bytes:
      return h2_->feed(std::string_view(got.data(), got.size()));
    case Got::nothing:
      return true;
    default:
      client_open_ = false;
      return false;
  }
}

// False: the connection ends at once.
bool ClientConnection::expire_h2(Status status, Clock::time_point progress) {
  const auto now = net::Loop::now();
  h2_->expire(now);
  if (h2_->idle() && now >= h2_idle_since_ + limits_.keep_alive_idle) {
    h2_->stop();
    return true;
  }
  if ((status == Status::blocked || h2_->has_unsent()) && now >= progress + limits_.write_idle) {
    reset_ = true;
    return false;
  }
  return true;
}

}  // namespace microtome::host
