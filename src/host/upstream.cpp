// SPDX-License-Identifier: Apache-2.0
#include "host/upstream.hpp"

#include <utility>

namespace microtome::host {

Result<BodyPiece> next_of_body(Spool* spool, bool whole, AnswerSink* answer) {
  BodyPiece piece;
  if (spool != nullptr) {
    constexpr std::size_t kPiece = 32 * 1024;
    auto taken = spool->take(kPiece);
    if (!taken) {
      return pass(taken.error());
    }
    piece.bytes = std::move(*taken);
    piece.last = piece.bytes.empty() && whole;
  } else if (answer != nullptr) {
    piece.bytes = answer->stream().take_body();
    piece.last = answer->stream().body_ended();
  }
  return piece;
}

}  // namespace microtome::host
