// SPDX-License-Identifier: Apache-2.0
#include "host/h2_callbacks.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "host/h2_stream.hpp"

namespace microtome::host {
namespace {

constexpr std::size_t kFieldOverhead = 32;  // RFC 9113 6.5.2

H2Session& session_of(void* self) {
  return *static_cast<H2Session*>(self);
}

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

void H2Session::Callbacks::fill(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, closed);
}

// RFC 9113 5.1.1: ids only grow. nghttp2 ignores a request with an id that was left out before.
int H2Session::Callbacks::begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* self) {
  H2Session& h2 = session_of(self);
  if (head->type == NGHTTP2_SETTINGS) {
    h2.remember_windows();
  }
  if (head->type != NGHTTP2_HEADERS || head->stream_id % 2 == 0) {
    return 0;
  }
  const std::int32_t id = head->stream_id;
  if (id > h2.last_id_) {
    constexpr std::size_t kRemembered = 64;
    const std::int32_t expected = h2.last_id_ == 0 ? 1 : h2.last_id_ + 2;
    if (id > expected && h2.skipped_.size() < kRemembered) {
      h2.skipped_.emplace_back(expected, id);
    }
    h2.last_id_ = id;
  } else if (std::ranges::any_of(h2.skipped_, [id](const auto& gap) { return id >= gap.first && id < gap.second; })) {
    nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
  }
  return 0;
}

// Before a SETTINGS frame counts: how much its initial window may grow.
void H2Session::remember_windows() {
  widest_ = 0;
  for (const auto& [id, stream] : streams_) {
    widest_ = std::max<std::int64_t>(widest_, nghttp2_session_get_stream_remote_window_size(session_, id));
  }
  widest_ -= nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
}

// RFC 9113 6.9.2: a change that lifts the window of a stream above 2^31-1 ends the connection. nghttp2 ends the
// stream.
void H2Session::check_windows(std::uint32_t initial) {
  if (widest_ + std::int64_t{initial} > INT32_MAX) {
    nghttp2_session_terminate_session(session_, NGHTTP2_FLOW_CONTROL_ERROR);
  }
}

int H2Session::Callbacks::begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
  H2Session& h2 = session_of(self);
  const std::int32_t id = frame->hd.stream_id;
  h2.opening_ = id;
  h2.opening_since_ = net::Loop::now();
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    auto stream = std::make_shared<H2Stream>(h2, id);
    stream->began = h2.opening_since_;
    stream->fields.reserve(16);
    h2.streams_.emplace(id, std::move(stream));
  }
  return 0;
}

int H2Session::Callbacks::header(nghttp2_session* /*session*/, const nghttp2_frame* frame, const std::uint8_t* name,
                                 std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                                 std::uint8_t /*flags*/, void* self) {
  H2Session& h2 = session_of(self);
  H2Stream* stream = h2.find(frame->hd.stream_id);
  if (stream == nullptr || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
    return 0;  // trailers are checked by nghttp2, and dropped
  }
  stream->fields_size += name_size + value_size + kFieldOverhead;
  if (stream->fields_size > h2.limits_.head.max_header) {
    stream->fields_too_large = true;
  } else {
    stream->fields.emplace_back(text(name, name_size), text(value, value_size));
  }
  return 0;
}

int H2Session::Callbacks::frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
  H2Session& h2 = session_of(self);
  const std::int32_t id = frame->hd.stream_id;
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  H2Stream* stream = h2.find(id);
  bool noise = false;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      h2.opening_ = 0;
      if (stream != nullptr && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        h2.opened_.push_back(id);
      }
      break;
    case NGHTTP2_DATA:
      noise = frame->hd.length == 0 && !ends;
      break;
    case NGHTTP2_RST_STREAM:
      if (!h2.resets_.take(net::Loop::now(), H2Session::kMostResets)) {
        h2.calm_down("too many requests taken back");
      }
      return 0;
    case NGHTTP2_SETTINGS:
      noise = true;
      for (const auto& entry : std::span(frame->settings.iv, frame->settings.niv)) {
        if (entry.settings_id == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE) {
          h2.check_windows(entry.value);
        }
      }
      break;
    default:
      noise = true;
  }
  if (noise && !h2.noise_.take(net::Loop::now(), H2Session::kMostNoise)) {
    h2.calm_down("too many frames that ask for nothing");
  }
  if (stream != nullptr && ends && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)) {
    stream->input_ended = true;
    h2.touched_.push_back(id);
  }
  return 0;
}

int H2Session::Callbacks::data(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                               const std::uint8_t* bytes, std::size_t size, void* self) {
  H2Session& h2 = session_of(self);
  // One slow app must not stop the others: the connection's window opens at once, the stream's when bytes are taken.
  nghttp2_session_consume_connection(session, size);
  H2Stream* stream = h2.find(id);
  if (stream == nullptr || stream->cut_off || (stream->response && !stream->user)) {
    nghttp2_session_consume_stream(session, id, size);
    return 0;
  }
  stream->body.append(text(bytes, size));
  stream->body_read += size;
  h2.touched_.push_back(id);
  return 0;
}

int H2Session::Callbacks::sent(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (!ends || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) {
    return 0;
  }
  H2Stream* stream = session_of(self).find(frame->hd.stream_id);
  if (stream != nullptr) {
    stream->out_ended = true;
    if (!stream->input_ended) {
      // RFC 9113 8.1: the answer is whole, the rest of the request is not wanted.
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    }
  }
  return 0;
}

int H2Session::Callbacks::closed(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t error, void* self) {
  H2Session& h2 = session_of(self);
  if (h2.opening_ == id) {
    h2.opening_ = 0;
  }
  h2.closed_.emplace_back(id, error == NGHTTP2_NO_ERROR);
  return 0;
}

ssize_t H2Session::Callbacks::read(nghttp2_session* /*session*/, std::int32_t id, std::uint8_t* to, std::size_t size,
                                   std::uint32_t* flags, nghttp2_data_source* /*source*/, void* self) {
  H2Session& h2 = session_of(self);
  H2Stream* stream = h2.find(id);
  if (stream == nullptr || stream->cut_off) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  std::size_t got = 0;
  auto status = net::SendQueue::Status::done;
  if (stream->out) {
    status = stream->out->pull({reinterpret_cast<char*>(to), size}, got);
  }
  if (status == net::SendQueue::Status::broken && got == 0) {
    h2.log_.error("a file became shorter, or could not be read, while it was sent: stream cut");
    stream->cut_off = true;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // RST_STREAM: the client sees that it is cut
  }
  stream->sent += got;
  h2.data_sent_ += got;
  if (status == net::SendQueue::Status::cold && got == 0) {
    stream->is_cold = stream->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (stream->ended && (!stream->out || stream->out->size() == 0)) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (got == 0) {
    stream->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(got);
}

}  // namespace microtome::host
