// SPDX-License-Identifier: Apache-2.0
// Reading the scalars of Woolz files from a file, a gzip stream or memory, strictly forward.
// Formats: docs/formats/woolz.md. Not thread-safe.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/file.hpp"

namespace microtome::woolz {

// Where bytes come from.
class Source {
 public:
  virtual ~Source() = default;
  // Fills some of `out`; 0 at the end.
  virtual Result<std::size_t> read_some(std::span<std::uint8_t> out) = 0;
  // No more than this many bytes can still come: what every count is checked against before anything is allocated.
  [[nodiscard]] virtual std::uint64_t remaining() const = 0;
  // Passes over `count` bytes.
  virtual Result<void> skip(std::uint64_t count) = 0;
  // The file whose offsets are our positions; null for a stream.
  [[nodiscard]] virtual io::FilePtr file() const { return nullptr; }
};

[[nodiscard]] std::unique_ptr<Source> file_source(io::FilePtr file);
[[nodiscard]] std::unique_ptr<Source> memory_source(ByteView bytes);  // the bytes must stay
// gzip, several members too; Code::too_large beyond `max_inflated` bytes.
[[nodiscard]] std::unique_ptr<Source> gzip_source(std::unique_ptr<Source> packed, std::uint64_t max_inflated);

// Reads scalars. The first failure sticks: from then on everything reads as 0 and ok() is false, so callers check
// once per structure and before every allocation.
class Reader {
 public:
  explicit Reader(Source& source) : source_(source), buffer_(64 * 1024) {}

  std::uint8_t u8() { return take<std::uint8_t>(); }
  std::int16_t i16() { return take<std::int16_t>(); }
  std::int32_t i32() { return take<std::int32_t>(); }
  std::uint32_t u32() { return take<std::uint32_t>(); }
  double f64() { return take<double>(); }
  float f32();  // in the file's VAX-like order
  bool bytes(std::span<std::uint8_t> out);
  // A length (i32, not negative, within what remains) and that many bytes.
  std::string text();
  std::string fixed_text(std::size_t length);  // zero-padded field
  bool skip_to(std::uint64_t position);        // forward only
  // True when no byte is left. Not a failure.
  bool at_end();

  // True when `count` things of at least `each` bytes can still come.
  [[nodiscard]] bool has(std::int64_t count, std::uint64_t each = 1) const {
    return ok() && count >= 0 && (each == 0 || static_cast<std::uint64_t>(count) <= remaining() / each);
  }
  [[nodiscard]] std::uint64_t remaining() const { return (end_ - next_) + source_.remaining(); }
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] io::FilePtr file() const { return source_.file(); }
  [[nodiscard]] bool ok() const { return error_.context.empty(); }
  // Records a failure of the caller's own; the first one stays.
  void fail(Code code, std::string context);
  void adopt(Error error);
  [[nodiscard]] std::unexpected<Error> failure() const { return std::unexpected(error_); }

 private:
  template <class T>
  T take() {
    if (end_ - next_ < sizeof(T) && !fill(sizeof(T))) {
      return T{};
    }
    T value;
    std::memcpy(&value, buffer_.data() + next_, sizeof(T));  // files and all our hosts are little-endian
    next_ += sizeof(T);
    position_ += sizeof(T);
    return value;
  }
  bool fill(std::size_t need);

  Source& source_;
  std::vector<std::uint8_t> buffer_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  std::uint64_t position_ = 0;
  Error error_{};
};

static_assert(std::endian::native == std::endian::little, "Woolz files are read as they lie");

}  // namespace microtome::woolz
