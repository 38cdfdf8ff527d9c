// SPDX-License-Identifier: Apache-2.0
// How HTTP/2 requests are answered.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>

#include "host/h2_callbacks.hpp"
#include "host/h2_stream.hpp"
#include "http/status.hpp"
#include "net/response_head.hpp"

namespace microtome::host {
namespace {

// Fields that belong to HTTP/1.1's connection (RFC 9113 8.2.2), or that we make ourselves.
bool is_ours(std::string_view name) {
  static constexpr std::string_view kOurs[] = {
      "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "content-length", "date", "te"};
  return std::ranges::find(kOurs, name) != std::end(kOurs);
}

// Owns the names and values of a block of headers.
class Block {
 public:
  void add(std::string name, std::string value) { all_.emplace_back(std::move(name), std::move(value)); }
  // The fields of `headers` that may be sent; false when one had bytes that no header may hold.
  bool add(const http::Headers& headers) {
    bool clean = true;
    for (const http::Header& header : headers.all()) {
      std::string name = header.name;
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
      if (is_ours(name)) {
        continue;
      }
      const bool good = nghttp2_check_header_name(bytes(name), name.size()) != 0 && !name.starts_with(':') &&
                        nghttp2_check_header_value(bytes(header.value), header.value.size()) != 0;
      if (good) {
        add(std::move(name), header.value);
      }
      clean = clean && good;
    }
    return clean;
  }
  [[nodiscard]] std::vector<nghttp2_nv> view() const {
    std::vector<nghttp2_nv> out;
    for (const auto& [name, value] : all_) {
      out.push_back({const_cast<std::uint8_t*>(bytes(name)), const_cast<std::uint8_t*>(bytes(value)), name.size(),
                     value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return out;
  }

 private:
  static const std::uint8_t* bytes(const std::string& text) {
    return reinterpret_cast<const std::uint8_t*>(text.data());
  }
  std::vector<std::pair<std::string, std::string>> all_;
};

}  // namespace

void H2Session::service() {
  // Users may commit again, or be told of their end, while they are served.
  for (int round = 0; round < 16 && !dirty_.empty(); ++round) {
    for (const std::int32_t id : std::exchange(dirty_, {})) {
      const auto found = streams_.find(id);
      if (found != streams_.end()) {
        answer(found->second);
      }
    }
    dispatch();
  }
}

void H2Session::answer(std::shared_ptr<H2Stream> stream) {
  const std::int32_t id = stream->id();
  if (stream->cut_off) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
    return;
  }
  if (stream->body_wanted && stream->request.expect_continue && !stream->continued && stream->body_read == 0 &&
      !stream->input_ended && !stream->response) {
    stream->continued = true;
    Block block;
    block.add(":status", "100");
    const auto view = block.view();
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, view.data(), view.size(), nullptr);
  }
  if (stream->body_wanted && (stream->body_read != stream->told || stream->input_ended != stream->told_end)) {
    touched_.push_back(id);  // what came before it was wanted
  }
  if (stream->response && !stream->submitted) {
    submit_head(*stream);
  } else if (stream->submitted && stream->deferred && !stream->is_cold && (stream->ended || stream->unsent() > 0)) {
    stream->deferred = false;
    nghttp2_session_resume_data(session_, id);
  }
}

void H2Session::submit_head(H2Stream& stream) {
  http::Response& response = *stream.response;
  const int status = net::sendable_status(response.status);
  const bool bodiless = stream.head_only || !net::may_have_body(status);
  if (bodiless && !stream.ended) {
    return;  // its end is all that the client waits for
  }
  if (stream.whole) {
    net::BodySource source(std::move(response.body));
    stream.length = source.length();
    if (!bodiless) {
      stream.out = links_.queue();
      source.move(*stream.out, UINT64_MAX);
    }
  } else if (stream.ended && !stream.length && !stream.head_only) {
    stream.length = stream.unsent();
  }
  Block block;
  block.add(":status", std::to_string(status));
  if (!block.add(response.headers)) {
    log_.warning("a header of the answer holds bytes that no header may hold; left out");
  }
  if (stream.length && net::may_have_body(status)) {
    block.add("content-length", std::to_string(*stream.length));
  }
  block.add("date", links_.date());
  const auto view = block.view();
  const bool empty = bodiless || (stream.ended && stream.unsent() == 0);
  const nghttp2_data_provider provider{{0}, &Callbacks::read};
  stream.submitted = true;
  if (nghttp2_submit_response(session_, stream.id(), view.data(), view.size(), empty ? nullptr : &provider) != 0) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id(), NGHTTP2_INTERNAL_ERROR);
  }
}

void H2Session::produce(net::SendQueue& queue, std::size_t most) {
  while (queue.size() < most) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) {
      break;
    }
    queue.copy({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
  }
  dispatch();
  std::vector<std::shared_ptr<StreamUser>> drained;  // telling one may end others
  for (const auto& [id, stream] : streams_) {
    if (stream->was_full && stream->unsent() < H2Stream::kLowWater && stream->user && !stream->ended) {
      stream->was_full = false;
      drained.push_back(stream->user);
    }
  }
  for (const auto& user : drained) {
    user->drained();
  }
}

std::optional<io::FileRange> H2Session::cold() const {
  for (const auto& [id, stream] : streams_) {
    if (stream->is_cold) {
      return stream->out->cold_range();
    }
  }
  return std::nullopt;
}

void H2Session::warmed() {
  for (const auto& [id, stream] : streams_) {
    if (stream->is_cold) {
      stream->is_cold = stream->deferred = false;
      stream->out->warmed();
      nghttp2_session_resume_data(session_, id);
      return;
    }
  }
}

bool H2Session::has_unsent() const {
  return std::ranges::any_of(streams_, [](const auto& entry) { return entry.second->unsent() > 0; });
}

}  // namespace microtome::host
