// SPDX-License-Identifier: Apache-2.0
// What apps send, read and handed to whom it is for. Part of fcgi_client.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "host/fcgi_client.hpp"

namespace microtome::host {

namespace fcgi = net::fcgi;

void FcgiClient::readable() {
  const auto self = shared_from_this();
  reading_ = false;
  if (dead()) {
    return;
  }
  std::vector<std::shared_ptr<FcgiSink>> touched;
  in_read_ = true;
  bool open = true;
  // Two turns at most: other connections wait.
  for (int turn = 0; turn < 2 && open && !held_; ++turn) {
    const std::span<char> space = app_->context().loop->scratch();
    const ssize_t count = recv(descriptor_.fd(), space.data(), space.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      descriptor_.drained();
      break;
    }
    if (count > 0 && static_cast<std::size_t>(count) < space.size()) {
      descriptor_.drained();
    }
    open = count > 0 && take(as_bytes({space.data(), static_cast<std::size_t>(count)}), touched);
    if (count <= 0) {
      fail_all(Broken::closed);
    } else if (static_cast<std::size_t>(count) < space.size()) {
      break;
    }
  }
  in_read_ = false;
  if (!dead()) {
    finished();
  }
  for (const auto& sink : touched) {
    sink->commit();
  }
}

// False when the connection is of no use any more.
bool FcgiClient::take(ByteView bytes, std::vector<std::shared_ptr<FcgiSink>>& touched) {
  const auto end = reader_.each(bytes, [&](const fcgi::Piece& piece) {
    take_piece(piece, touched);
    return true;
  });
  if (end == fcgi::RecordReader::Next::bad) {
    app_->context().log.warning(app_->spec().label + ": " + slot_.address.text + " does not speak FastCGI");
    fail_all(Broken::protocol);
  }
  return end != fcgi::RecordReader::Next::bad;
}

void FcgiClient::take_piece(const fcgi::Piece& piece, std::vector<std::shared_ptr<FcgiSink>>& touched) {
  // Records of other ids, and unknown types, are skipped: the specification says so.
  const auto found = sinks_.find(piece.header.id);
  if (found == sinks_.end() || found->second.ended) {
    if (piece.header.id != 0 && requests_ > 0) {
      keep_ = false;  // whoever sends records that belong to nothing is not trusted with another request
    }
    return;
  }
  Running& running = found->second;
  if (running.sink && std::find(touched.begin(), touched.end(), running.sink) == touched.end()) {
    touched.push_back(running.sink);
  }
  switch (piece.header.type) {
    case fcgi::Type::stdout_stream:
      if (running.sink && !piece.content.empty()) {
        running.sink->app_stdout(piece.content);
      }
      break;
    case fcgi::Type::stderr_stream:
      if (running.sink && !piece.content.empty()) {
        running.sink->app_stderr(piece.content);
      }
      break;
    case fcgi::Type::end_request: {
      const auto end = fcgi::read_end_request(piece.content);
      running.ended = true;
      if (!running.sink) {
        break;
      }
      if (!end) {
        running.sink->app_broken(Broken::protocol);
      } else if (end->protocol_status == fcgi::ProtocolStatus::cannot_multiplex) {
        running.sink->app_broken(Broken::cannot_multiplex);
      } else {
        running.sink->app_ended(*end);
      }
      break;
    }
    default:
      break;
  }
}

}  // namespace microtome::host
