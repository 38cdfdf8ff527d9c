// SPDX-License-Identifier: Apache-2.0
// What a server behind answers: head, tunnel, body. Part of proxy.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "host/proxy.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

// Fields that the server names in Connection are between it and us.
void leave_out_named(http::Headers& headers, std::string_view connection) {
  const auto names = http::split_list(connection);
  if (names.empty()) {
    return;
  }
  http::Headers kept;
  for (const http::Header& header : headers.all()) {
    if (std::ranges::none_of(names, [&](auto name) { return http::equal_no_case(name, header.name); })) {
      kept.add(header.name, header.value);
    }
  }
  headers = std::move(kept);
}

}  // namespace

bool ProxyRun::take(std::string_view bytes) {
  if (!head_done_ && !take_head(bytes)) {
    return false;
  }
  return take_body(bytes);
}

// False: more is needed, or it has failed.
bool ProxyRun::take_head(std::string_view& bytes) {
  while (true) {
    switch (head_.feed(bytes)) {
      case CgiHeadReader::State::more:
        return false;
      case CgiHeadReader::State::bad:
        fail(502, head_.fault());
        return false;
      case CgiHeadReader::State::done:
        break;
    }
    if (!head_.head().interim) {
      break;
    }
    if (head_.head().switches) {
      return begin_tunnel();
    }
    head_ = CgiHeadReader(true);  // 100 Continue and the like: the answer follows
  }
  CgiHead& head = head_.head();
  if (!head.nph && !request_.cgi) {
    fail(502, "it does not speak HTTP");
    return false;
  }
  head_done_ = true;
  if (body_ended_) {
    body_.clear();
  }
  leave_out_named(head.headers, head.connection);
  const bool bodiless = request_.head || head.status == 204 || head.status == 304;
  if (head.chunked && !bodiless) {
    chunks_ = std::make_unique<net::ChunkedReader>(UINT64_MAX / 2, 64 * 1024);
    head.content_length.reset();
  } else if (head.content_length && !bodiless) {
    has_length_ = true;
    left_ = *head.content_length;
  }
  if (answer_ != nullptr) {
    wanted_ = answer_->upstream_head(std::move(head));
  }
  if (bodiless || (has_length_ && left_ == 0)) {
    ended();
    return false;
  }
  return true;
}

// The server has agreed to another protocol. True: what follows is its bytes.
bool ProxyRun::begin_tunnel() {
  CgiHead& head = head_.head();
  if (!request_.upgrade || answer_ == nullptr || head.upgrade.empty() || !answer_->stream().tunnel(head.upgrade)) {
    fail(502, "it switched to a protocol nobody had asked for");
    return false;
  }
  head_done_ = tunnel_ = true;
  body_ended_ = false;
  app().context().timers->cancel(timer_);
  watch_time();
  head.status = 101;
  leave_out_named(head.headers, head.connection);
  wanted_ = answer_->upstream_head(std::move(head));
  return true;
}

bool ProxyRun::take_body(std::string_view bytes) {
  if (answer_ == nullptr || done_) {
    return false;
  }
  std::string decoded;
  bool last = false;
  if (chunks_) {
    chunk_rest_.append(bytes);
    const auto used = chunks_->feed(chunk_rest_, decoded);
    if (!used) {
      broken();
      return false;
    }
    chunk_rest_.erase(0, *used);
    bytes = decoded;
    last = chunks_->done();
  } else if (has_length_) {
    bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
    left_ -= bytes.size();
    last = left_ == 0;
  }
  if (wanted_) {
    answer_->upstream_body(bytes);
  }
  if (last) {
    ended();
    return false;
  }
  if (!hold_ && answer_ != nullptr && answer_->full()) {
    hold_ = true;
  }
  return true;
}

void ProxyRun::ended() {
  if (answer_ != nullptr && !done_) {
    answer_->upstream_end();
  }
  if (lease_ && !done_) {
    lease_.app().answered(lease_.slot());
  }
  done_ = true;
}

}  // namespace microtome::host
