// SPDX-License-Identifier: Apache-2.0
// SendQueue: what one connection has still to send: bytes and ranges of files, in order, without copying either.
// Loop thread only. Errors: a peer that is gone and a file that became shorter look the same: the connection is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "http/message.hpp"
#include "net/resident_memory.hpp"

namespace microtome::net {

class SendQueue {
 public:
  // `memory` outlives the queue; null: the kernel is always asked.
  explicit SendQueue(ResidentMemory* memory = nullptr) : memory_(memory) {}

  enum class Status {
    done,     // all is with the kernel
    blocked,  // the peer does not take more now
    cold,     // the next bytes of a file are not in the page cache: see cold_range()
    gone,     // the peer has closed
    broken    // a file could not be read as far as was promised
  };

  // Copies `text`; joins it with what was copied just before.
  void copy(std::string_view text);
  // The same for text that is made by appending to a string: `write(text)`.
  template <class Write>
  void write(Write write) {
    const std::size_t before = text_.size();
    write(text_);
    add_text(before);
  }
  // All of a body, but not a producer's.
  void body(http::Body body);
  // Sends memory that `owner` keeps alive (a little of it is copied instead, where that saves a vector).
  void share(std::shared_ptr<const void> owner, ByteView bytes);
  void share(SharedBytes bytes);
  void file(io::FileRange range);

  // Sends as much as goes without blocking, at most `budget` bytes (then: blocked, and budget_spent() is true: the
  // socket may well take more).
  // `more`: further bytes will follow at once, the kernel may wait for them with the last packet.
  Status flush(int fd, bool more = false, std::size_t budget = 1 << 20);
  [[nodiscard]] bool budget_spent() const { return budget_spent_; }

  // Instead of flush(), for who sends otherwise: moves the next bytes to `to`; `got` says how many. Without any:
  // done, cold or broken.
  Status pull(std::span<char> to, std::size_t& got);

  [[nodiscard]] std::uint64_t size() const { return size_; }  // bytes still to be sent
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }  // bytes since clear()
  [[nodiscard]] io::FileRange cold_range() const;
  // The cold range was brought in: send it without asking again.
  void warmed();
  void clear();

  // What lies in the queue, for tests: files are read.
  [[nodiscard]] std::string peek() const;

 private:
  struct Piece {
    std::shared_ptr<const void> owner;  // of the memory; null when the bytes lie in text_
    const std::uint8_t* data = nullptr;
    std::size_t text_offset = 0;
    io::FilePtr file;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  void add_text(std::size_t from);
  Status send_memory(int fd, bool more, std::size_t budget, std::size_t& spent);
  Status send_file(int fd, std::size_t budget, std::size_t& spent);
  void consume(std::uint64_t bytes);
  [[nodiscard]] const std::uint8_t* data(const Piece& piece) const;

  std::vector<Piece> pieces_;
  std::size_t first_ = 0;  // pieces before it are sent
  std::string text_;       // copied bytes, never moved while pieces point into it by offset
  std::uint64_t size_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t warm_ = 0;  // bytes at the front that need no residency check
  bool budget_spent_ = false;
  bool broken_ = false;  // a range without a file was promised
  ResidentMemory* memory_;
};

}  // namespace microtome::net
