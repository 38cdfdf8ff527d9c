// SPDX-License-Identifier: Apache-2.0
#include "host/upstream.hpp"

namespace microtome::host {

bool RequestBody::begin(Stream& stream, Keep keep, std::optional<std::uint64_t> length) {
  stream.want_body();
  waiting_ = keep == Keep::whole || !length;
  kept_ = waiting_ || keep != Keep::little;
  return waiting_;
}

Result<bool> RequestBody::arrived(Stream& stream) {
  if (!kept_) {
    return false;
  }
  if (auto done = spool_.append(stream.take_body()); !done) {
    return pass(done.error());
  }
  whole_ = stream.body_ended();
  return whole_ && std::exchange(waiting_, false);
}

Result<RequestBody::Piece> RequestBody::next(AnswerSink* answer) {
  Piece piece;
  if (kept_) {
    constexpr std::size_t kPiece = 32 * 1024;
    auto taken = spool_.take(kPiece);
    if (!taken) {
      return pass(taken.error());
    }
    piece.bytes = std::move(*taken);
    piece.last = piece.bytes.empty() && whole_;
  } else if (answer != nullptr) {
    piece.bytes = answer->stream().take_body();
    piece.last = answer->stream().body_ended();
  }
  return piece;
}

}  // namespace microtome::host
