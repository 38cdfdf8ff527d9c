// SPDX-License-Identifier: Apache-2.0
#include "host/answer_buffer.hpp"

#include <utility>

namespace microtome::host {
namespace {

constexpr std::size_t kInMemory = 256 * 1024;
constexpr std::size_t kStep = 64 * 1024;
constexpr std::size_t kAhead = 1 << 20;  // in the stream: it says drained() only when it had more than that

}  // namespace

AnswerBuffer::AnswerBuffer(Stream& stream, Keep keep, SpoolPlacePtr place)
    : stream_(stream), keep_(keep), spool_(std::move(place), kInMemory) {}

void AnswerBuffer::begin(http::Response head, std::optional<std::uint64_t> length) {
  if (keep_ == Keep::whole) {
    head_ = std::move(head);
  } else {
    stream_.begin(std::move(head), length);
  }
}

Result<void> AnswerBuffer::write(std::string_view bytes) {
  if (keep_ == Keep::ahead && spool_.left() == 0 && stream_.unsent() <= kAhead) {
    stream_.write(bytes);
    return {};
  }
  return spool_.append(bytes);
}

Result<void> AnswerBuffer::end() {
  ended_ = true;
  if (keep_ == Keep::ahead) {
    return pump();
  }
  auto body = spool_.as_body();
  if (!body) {
    return pass(body.error());
  }
  head_.body = std::move(*body);
  stream_.respond(std::move(head_));
  return {};
}

Result<void> AnswerBuffer::drained() {
  return keep_ == Keep::ahead ? pump() : Result<void>();
}

Result<void> AnswerBuffer::pump() {
  while (spool_.left() > 0 && stream_.unsent() <= kAhead) {
    auto bytes = spool_.take(kStep);
    if (!bytes) {
      return pass(bytes.error());
    }
    stream_.write(*bytes);
    spool_.forget_taken();
  }
  if (ended_ && spool_.left() == 0) {
    stream_.end();
  }
  return {};
}

}  // namespace microtome::host
