// SPDX-License-Identifier: Apache-2.0
// BodySource: hands the body of a response to a SendQueue, piece by piece, whatever it is made of.
// Loop thread only; a producer is pulled on the work pool, one piece at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/cancel.hpp"
#include "base/work_pool.hpp"
#include "http/message.hpp"
#include "net/send_queue.hpp"

namespace microtome::net {

class BodySource {
 public:
  BodySource() = default;
  explicit BodySource(http::Body body);

  // Whether the whole body can be moved now (anything but a producer).
  [[nodiscard]] bool is_producer() const { return producer_ != nullptr; }
  [[nodiscard]] std::optional<std::uint64_t> length() const { return length_; }
  // Bytes that move() can hand over now.
  [[nodiscard]] std::uint64_t ready() const { return ready_; }
  // All has been moved, and the producer, if any, has ended.
  [[nodiscard]] bool finished() const { return ready_ == 0 && (!producer_ || ended_); }

  // Moves at most `most` bytes to `queue`. Returns how many.
  std::uint64_t move(SendQueue& queue, std::uint64_t most);

  // A piece of a producer as it comes back from the pool.
  struct Pulled {
    Result<bool> more = false;
    Bytes bytes;
  };
  using Arrive = std::function<void(Pulled)>;
  // Pulls the next piece on the pool and calls `arrive` there. Code::overloaded: not begun.
  Result<void> pull(WorkPool& pool, const CancelToken& cancel, Arrive arrive);
  // There is more to be made, and nobody makes it.
  [[nodiscard]] bool may_pull() const { return producer_ && !ended_ && !pulling_; }
  // Takes the piece in; the error of the producer, or Code::internal when it made more or less than it had promised.
  Result<void> arrived(Pulled pulled);

 private:
  struct Part {
    std::shared_ptr<const void> owner;
    ByteView bytes;
    io::FileRange range;
  };
  void add(SharedBytes bytes);
  void add(std::shared_ptr<const void> owner, ByteView bytes);

  std::vector<Part> parts_;
  std::size_t first_ = 0;
  std::uint64_t ready_ = 0;
  std::optional<std::uint64_t> length_ = 0;
  std::uint64_t produced_ = 0;
  std::shared_ptr<http::Producer> producer_;
  bool pulling_ = false;
  bool ended_ = false;
};

}  // namespace microtome::net
