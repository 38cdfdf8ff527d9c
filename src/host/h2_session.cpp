// SPDX-License-Identifier: Apache-2.0
// What the client sends, and when requests are given up. Answers are in h2_answer.cpp.
#include "host/h2_session.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>

#include "host/h2_callbacks.hpp"
#include "host/h2_stream.hpp"
#include "http/status.hpp"

namespace microtome::host {
namespace {

using Clock = net::Clock;
using namespace std::chrono_literals;

constexpr std::uint64_t kBodyFloor = 200;  // bytes a second that a body must bring

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

// The request in HTTP/1.1's words; its host twice where the client contradicts itself, which the parser refuses.
std::string words_of(const H2Stream& stream) {
  std::string_view method;
  std::string_view target;
  std::string_view authority;
  std::string_view host;
  std::size_t size = 128;
  for (const auto& [name, value] : stream.fields) {
    size += name.size() + value.size() + 4;
    if (name == ":method") {
      method = value;
    } else if (name == ":path") {
      target = value;
    } else if (name == ":authority" || (name == "host" && authority.empty() && host.empty())) {
      (name == "host" ? host : authority) = value;
    }
  }
  authority = authority.empty() ? host : authority;
  std::string words;
  words.reserve(size);
  const auto add = [&words](std::string_view name, std::string_view value) {
    words.append(name).append(": ").append(value).append("\r\n");
  };
  words.append(method).append(" ").append(method == "CONNECT" ? authority : target).append(" HTTP/1.1\r\n");
  add("Host", authority);
  bool has_length = false;
  std::string cookie;
  for (const auto& [name, value] : stream.fields) {
    has_length = has_length || name == "content-length";
    if (name == "cookie") {
      cookie += (cookie.empty() ? "" : "; ") + value;
    } else if (name == "host") {
      if (lower(value) != lower(authority)) {
        add("Host", value);
      }
    } else if (!name.starts_with(':') && name != "te") {
      add(name, value);
    }
  }
  if (!has_length && !stream.input_ended) {
    words += "Transfer-Encoding: chunked\r\n";  // its length is not known
  } else if (!has_length && method != "GET" && method != "HEAD") {
    words += "Content-Length: 0\r\n";
  }
  if (!cookie.empty()) {
    add("Cookie", cookie);
  }
  return words += "\r\n";
}

}  // namespace

bool H2Session::Bucket::take(Clock::time_point now, double most) {
  tokens = std::min(most, tokens + std::chrono::duration<double>(now - at).count() * rate);
  at = now;
  tokens -= 1;
  return tokens >= 0;
}

H2Session::H2Session(Links links, Endpoint endpoint, H2Limits limits, Log log)
    : links_(std::move(links)),
      endpoint_(std::move(endpoint)),
      limits_(limits),
      log_(std::move(log)),
      resets_{kMostResets, 100, net::Loop::now()},
      noise_{kMostNoise, 500, net::Loop::now()} {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  Callbacks::fill(callbacks);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_max_send_header_block_length(option, 1U << 20);
  nghttp2_session_server_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits_.head.max_header)},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
}

H2Session::~H2Session() {
  for (const auto& [id, stream] : streams_) {
    stream->detach();
  }
  nghttp2_session_del(session_);
}

H2Stream* H2Session::find(std::int32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

bool H2Session::upgrade(std::string_view settings, net::Head head) {
  const bool head_only = head.method == "HEAD";
  if (nghttp2_session_upgrade2(session_, reinterpret_cast<const std::uint8_t*>(settings.data()), settings.size(),
                               head_only ? 1 : 0, nullptr) != 0) {
    return false;
  }
  auto stream = std::make_shared<H2Stream>(*this, 1);
  stream->request = std::move(head);
  stream->input_ended = true;
  stream->head_only = head_only;
  stream->began = net::Loop::now();
  streams_.emplace(1, stream);
  ++served_;
  stream->user = links_.serve(stream);
  return true;
}

bool H2Session::feed(std::string_view bytes) {
  if (dead_) {
    return false;
  }
  begun_ = true;
  const ssize_t taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) {
    dead_ = true;
    if (taken == NGHTTP2_ERR_FLOODED) {
      nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    } else if (taken != NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
      nghttp2_session_terminate_session(session_, NGHTTP2_INTERNAL_ERROR);
    }
  }
  dispatch();
  return !dead_;
}

// Tells users what nghttp2 has told us; never from within nghttp2.
void H2Session::dispatch() {
  while (!opened_.empty() || !touched_.empty() || !closed_.empty()) {
    for (const std::int32_t id : std::exchange(opened_, {})) {
      const auto found = streams_.find(id);
      if (found != streams_.end()) {
        begin_request(found->second);
      }
    }
    for (const std::int32_t id : std::exchange(touched_, {})) {
      const auto found = streams_.find(id);
      if (found == streams_.end() || !found->second->body_wanted || !found->second->user) {
        continue;
      }
      const auto stream = found->second;
      const auto user = stream->user;
      stream->told = stream->body_read;
      stream->told_end = stream->input_ended;
      if (stream->body_limit > 0 && stream->body_read > stream->body_limit) {
        stream->user = nullptr;
        user->client_gone();
        if (stream->response) {
          stream->cut_off = true;
        } else {
          stream->respond(http::text_response(413, "body too large"));
        }
        stream->commit();
      } else {
        user->body_arrived();
      }
    }
    for (const auto& [id, whole] : std::exchange(closed_, {})) {
      drop(id, whole);
    }
  }
}

void H2Session::begin_request(std::shared_ptr<H2Stream> self) {
  ++served_;
  H2Stream& stream = *self;
  const std::string words = words_of(stream);
  std::optional<net::Refusal> refusal;
  if (stream.fields_too_large) {
    refusal = net::Refusal{431, "header too large"};
  } else {
    net::HeadScanner scanner;
    const net::HeadLimits roomy{words.size() + 1, limits_.head.max_target};
    const auto end = scanner.scan(words, roomy);
    auto head = end && *end == words.size() ? net::parse_head(words, roomy) : std::unexpected(net::Refusal{});
    if (head) {
      stream.request = std::move(*head);
    } else {
      refusal = end ? head.error() : end.error();
    }
  }
  std::vector<std::pair<std::string, std::string>>().swap(stream.fields);
  stream.head_only = stream.request.method == "HEAD";
  if (!stream.input_ended && stream.request.body == net::BodyKind::none) {
    stream.request.body = net::BodyKind::chunked;  // of unknown length
  }
  if (refusal) {
    if (links_.refused) {
      links_.refused(endpoint_, refusal->status);
    }
    self->respond(http::text_response(refusal->status, refusal->message));
    self->commit();
    return;
  }
  if (stream.input_ended) {
    stream.request.body = net::BodyKind::none;
  }
  auto user = links_.serve(self);
  if (!self->reset) {
    self->user = std::move(user);
  }
}

// The stream is over for nghttp2.
void H2Session::drop(std::int32_t id, bool whole) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) {
    return;
  }
  const auto stream = found->second;
  streams_.erase(found);
  stream->detach();
  stream->reset = true;
  if (const auto user = std::exchange(stream->user, nullptr)) {
    stream->out_ended || stream->cut_off
        ? user->finished(whole && stream->out_ended && !stream->cut_off, stream->sent)
        : user->client_gone();
  }
}

void H2Session::client_gone() {
  dead_ = true;
  while (!streams_.empty()) {
    drop(streams_.begin()->first, false);
  }
}

void H2Session::announce_stop() {
  if (!stopping_) {
    nghttp2_submit_shutdown_notice(session_);
  }
}

void H2Session::stop() {
  if (!std::exchange(stopping_, true)) {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
  }
}

void H2Session::calm_down(const char* why) {
  log_.warning(endpoint_.remote_address + ": HTTP/2 connection closed: " + why);
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
}

bool H2Session::finished() const {
  const bool over = nghttp2_session_want_read(session_) == 0 || dead_ || (stopping_ && idle());
  return over && nghttp2_session_want_write(session_) == 0;
}

void H2Session::committed(std::int32_t id) {
  dirty_.push_back(id);
  links_.wake();
}

void H2Session::consumed(std::int32_t id, std::size_t bytes) {
  nghttp2_session_consume_stream(session_, id, bytes);
}

net::Clock::time_point H2Session::expire(Clock::time_point now) {
  auto next = Clock::time_point::max();
  if (opening_ != 0) {
    const auto until = opening_since_ + limits_.header_deadline;
    if (now >= until) {
      opening_ = 0;
      nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    } else {
      next = until;
    }
  }
  std::vector<std::shared_ptr<H2Stream>> late;
  for (const auto& [id, stream] : streams_) {
    if (stream->input_ended || !stream->body_wanted || !stream->body.empty() || stream->response) {
      continue;
    }
    const auto until = stream->began + limits_.header_deadline + std::chrono::seconds(stream->body_read / kBodyFloor);
    if (now < until) {
      next = std::min(next, until);
    } else {
      late.push_back(stream);
    }
  }
  for (const auto& stream : late) {
    if (const auto user = std::exchange(stream->user, nullptr)) {
      user->client_gone();
    }
    stream->respond(http::text_response(408, "request timeout"));
    stream->commit();
  }
  return next;
}

}  // namespace microtome::host
