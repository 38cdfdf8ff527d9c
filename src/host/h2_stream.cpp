// SPDX-License-Identifier: Apache-2.0
#include "host/h2_stream.hpp"

namespace microtome::host {

void H2Stream::want_body() {
  body_wanted = true;
}

std::string H2Stream::take_body() {
  std::string taken = std::exchange(body, {});
  if (session_ != nullptr && !taken.empty()) {
    session_->consumed(id_, taken.size());
  }
  return taken;
}

void H2Stream::respond(http::Response answer) {
  if (session_ != nullptr && !response) {
    response = std::move(answer);
    whole = ended = true;
  }
}

void H2Stream::begin(http::Response answer, std::optional<std::uint64_t> bytes) {
  if (session_ != nullptr && !response) {
    response = std::move(answer);
    length = bytes;
  }
}

void H2Stream::write(std::string_view bytes) {
  if (session_ == nullptr || bytes.empty()) {
    return;
  }
  if (!out) {
    out = session_->links().queue();
  }
  out->copy(bytes);
  was_full = was_full || out->size() > kHighWater;
}

void H2Stream::commit() {
  if (session_ != nullptr) {
    session_->committed(id_);
  }
}

void H2Stream::limits(const ConnectionLimits& limits) {
  if (session_ != nullptr) {
    session_->links().limits(limits);
  }
}

}  // namespace microtome::host
