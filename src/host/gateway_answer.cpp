// SPDX-License-Identifier: Apache-2.0
// What an app says: head, body, standard error and the end of the request. Part of gateway.
#include <algorithm>
#include <utility>

#include "host/client_stream.hpp"
#include "host/gateway.hpp"

namespace microtome::host {

using namespace std::chrono_literals;
namespace fcgi = net::fcgi;
using Clock = Timers::Clock;

namespace {

constexpr std::size_t kMaxErrorLine = 4096;

}  // namespace

void GatewayRun::app_stdout(ByteView bytes) {
  last_activity_ = Clock::now();
  any_output_ = true;
  if (failure_ || finished_) {
    return;
  }
  const std::string_view text = as_text(bytes);
  head_done_ ? take_body(text) : take_head(text);
}

void GatewayRun::take_head(std::string_view bytes) {
  switch (head_.feed(bytes)) {
    case CgiHeadReader::State::more:
      return;
    case CgiHeadReader::State::bad:
      return fail(502, head_.fault());
    case CgiHeadReader::State::done:
      break;
  }
  head_done_ = true;
  if (body_ended_) {
    body_.clear();  // it will not be tried again
  }
  if (answer_ == nullptr) {
    return;
  }
  CgiHead& head = head_.head();
  if (head.nph) {
    app().context().log.warning(label() + ": sent a status line instead of Status");
  }
  const bool bodiless = request_.head || head.status == 204 || head.status == 304;
  if (head.content_length && !bodiless) {
    left_ = head.content_length;
    has_length_ = true;
  }
  if (head.chunked) {
    head.content_length.reset();
    left_.reset();
    has_length_ = false;
    chunks_ = std::make_unique<net::ChunkedReader>(UINT64_MAX / 2, 64 * 1024);
  }
  wanted_ = answer_->upstream_head(std::move(head)) && !bodiless;
  answer_changed_ = true;
  take_body(bytes);
}

void GatewayRun::take_body(std::string_view bytes) {
  if (bytes.empty() || answer_ == nullptr || !wanted_) {
    return;
  }
  std::string decoded;
  if (chunks_) {
    chunk_rest_.append(bytes);
    const auto used = chunks_->feed(chunk_rest_, decoded);
    if (!used) {
      return fail(502, "its chunks make no sense");
    }
    chunk_rest_.erase(0, *used);
    bytes = decoded;
  }
  if (left_ && bytes.size() > *left_) {
    if (!too_long_) {
      app().context().log.warning(label() + ": sent more than its Content-Length; cut off");
    }
    too_long_ = true;
    bytes = bytes.substr(0, static_cast<std::size_t>(*left_));
  }
  if (left_) {
    *left_ -= bytes.size();
  }
  answer_->upstream_body(bytes);
  answer_changed_ = true;
  if (!hold_ && answer_ != nullptr && answer_->full()) {
    hold_ = true;
    client_->hold(true);
  }
}

void GatewayRun::app_stderr(ByteView bytes) {
  last_activity_ = Clock::now();
  std::string_view text = as_text(bytes);
  const auto flush = [&] {
    if (app().context().app_log && !error_line_.empty()) {
      const auto& child = lease_ ? lease_.slot().child : nullptr;
      app().context().app_log(app().spec().label + '[' + (child ? std::to_string(child->pid()) : "-") + "] " +
                              request_.name + ": " + error_line_);
    }
    error_line_.clear();
  };
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    error_line_.append(text.substr(0, std::min(end, kMaxErrorLine)));
    if (end == std::string_view::npos) {
      if (error_line_.size() > kMaxErrorLine) {
        flush();
      }
      return;
    }
    flush();
    text.remove_prefix(end + 1);
  }
}

void GatewayRun::app_ended(const fcgi::EndRequest& end) {
  if (!error_line_.empty()) {
    app_stderr(as_bytes("\n"));
  }
  if (failure_) {
    return;
  }
  if (end.protocol_status == fcgi::ProtocolStatus::overloaded) {
    if (!any_output_ && may_try_again()) {
      retry_ = true;
    } else {
      fail(503, "it is overloaded");
    }
    return;
  }
  if (end.protocol_status != fcgi::ProtocolStatus::request_complete) {
    return fail(502, "it does not know its role");
  }
  if (lease_) {
    lease_.app().answered(lease_.slot());
  }
  if (!head_done_) {
    return fail(502, any_output_ ? "its header never ended" : "it sent nothing");
  }
  end_of_answer();
}

// All that will come has come.
void GatewayRun::end_of_answer() {
  finished_ = true;
  if (answer_ == nullptr) {
    return;
  }
  answer_changed_ = true;
  const bool short_of_length = wanted_ && has_length_ && left_ && *left_ > 0;
  const bool short_of_chunks = wanted_ && chunks_ && !chunks_->done();
  if (short_of_length || short_of_chunks) {
    app().context().log.error(label() + ": its answer ended before it was whole");
    answer_->upstream_cut();
  } else {
    answer_->upstream_end();
  }
}

}  // namespace microtome::host
