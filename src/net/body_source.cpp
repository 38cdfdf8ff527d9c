// SPDX-License-Identifier: Apache-2.0
#include "net/body_source.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace microtome::net {

BodySource::BodySource(http::Body body) : length_(http::body_length(body)) {
  if (auto* text = std::get_if<std::string>(&body)) {
    auto owner = std::make_shared<const std::string>(std::move(*text));
    const ByteView bytes = as_bytes(*owner);
    add(std::move(owner), bytes);
  } else if (auto* bytes = std::get_if<Bytes>(&body)) {
    add(std::make_shared<const Bytes>(std::move(*bytes)));
  } else if (auto* shared = std::get_if<SharedBytes>(&body)) {
    add(std::move(*shared));
  } else if (auto* file = std::get_if<http::FileBody>(&body)) {
    add(std::move(file->prefix));
    for (io::FileRange& range : file->ranges) {
      if (range.length > 0) {
        ready_ += range.length;
        parts_.push_back({nullptr, {}, std::move(range)});
      }
    }
    add(std::move(file->suffix));
  } else if (auto* producer = std::get_if<std::shared_ptr<http::Producer>>(&body)) {
    producer_ = std::move(*producer);
  }
}

void BodySource::add(SharedBytes bytes) {
  if (bytes) {
    const ByteView view(*bytes);
    add(std::move(bytes), view);
  }
}

void BodySource::add(std::shared_ptr<const void> owner, ByteView bytes) {
  if (!bytes.empty()) {
    ready_ += bytes.size();
    parts_.push_back({std::move(owner), bytes, {}});
  }
}

std::uint64_t BodySource::move(SendQueue& queue, std::uint64_t most) {
  std::uint64_t moved = 0;
  while (first_ < parts_.size() && moved < most) {
    Part& part = parts_[first_];
    const std::uint64_t size = part.owner ? part.bytes.size() : part.range.length;
    const std::uint64_t step = std::min(size, most - moved);
    const bool whole = step == size;
    if (!part.owner) {
      queue.file({part.range.file, part.range.offset, step});
      part.range.offset += step;
      part.range.length -= step;
    } else {
      const auto bytes = part.bytes.first(static_cast<std::size_t>(step));
      queue.share(part.owner, bytes);
      part.bytes = part.bytes.subspan(static_cast<std::size_t>(step));
    }
    moved += step;
    if (whole) {
      part = {};
      ++first_;
    }
  }
  if (first_ == parts_.size()) {
    parts_.clear();
    first_ = 0;
  }
  ready_ -= moved;
  return moved;
}

Result<void> BodySource::pull(WorkPool& pool, const CancelToken& cancel, Arrive arrive) {
  auto job = [producer = producer_, arrive = std::move(arrive)](bool cancelled) {
    Pulled pulled;
    if (cancelled) {
      pulled.more = fail(Code::cancelled, "cancelled");
    } else {
      pulled.more = producer->pull(pulled.bytes);
    }
    arrive(std::move(pulled));
  };
  auto submitted = pool.submit(WorkClass::exporting, cancel, std::move(job));
  pulling_ = submitted.has_value();
  return submitted;
}

Result<void> BodySource::arrived(Pulled pulled) {
  pulling_ = false;
  if (!pulled.more) {
    return std::unexpected(std::move(pulled.more.error()));
  }
  ended_ = !*pulled.more;
  produced_ += pulled.bytes.size();
  if (length_ && (produced_ > *length_ || (ended_ && produced_ < *length_))) {
    return fail(Code::internal, "internal error", "a producer made another length than it had promised");
  }
  add(std::make_shared<const Bytes>(std::move(pulled.bytes)));
  return {};
}

}  // namespace microtome::net
