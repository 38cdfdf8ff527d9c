// SPDX-License-Identifier: Apache-2.0
#include "woolz/reader.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

namespace microtome::woolz {
namespace {

class FileSource final : public Source {
 public:
  explicit FileSource(io::FilePtr file) : file_(std::move(file)) {}
  Result<std::size_t> read_some(std::span<std::uint8_t> out) override {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), remaining()));
    if (count > 0) {
      if (auto got = file_->read(at_, out.first(count)); !got) {
        return std::unexpected(got.error());
      }
    }
    at_ += count;
    return count;
  }
  [[nodiscard]] std::uint64_t remaining() const override { return file_->size() - at_; }
  Result<void> skip(std::uint64_t count) override {
    if (count > remaining()) {
      return fail(Code::corrupt, "the object is truncated", "skip beyond the end");
    }
    at_ += count;
    return {};
  }
  [[nodiscard]] io::FilePtr file() const override { return file_; }

 private:
  io::FilePtr file_;
  std::uint64_t at_ = 0;
};

class MemorySource final : public Source {
 public:
  explicit MemorySource(ByteView bytes) : bytes_(bytes) {}
  Result<std::size_t> read_some(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min(out.size(), bytes_.size());
    std::copy_n(bytes_.begin(), count, out.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }
  [[nodiscard]] std::uint64_t remaining() const override { return bytes_.size(); }
  Result<void> skip(std::uint64_t count) override {
    if (count > bytes_.size()) {
      return fail(Code::corrupt, "the object is truncated", "skip beyond the end");
    }
    bytes_ = bytes_.subspan(static_cast<std::size_t>(count));
    return {};
  }

 private:
  ByteView bytes_;
};

class GzipSource final : public Source {
 public:
  GzipSource(std::unique_ptr<Source> packed, std::uint64_t max_inflated)
      : packed_(std::move(packed)), left_(max_inflated), input_(64 * 1024) {
    ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~GzipSource() override {
    if (ready_) {
      inflateEnd(&stream_);
    }
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<std::size_t> read_some(std::span<std::uint8_t> out) override {
    if (!ready_) {
      return fail(Code::internal, "out of memory", "inflateInit2");
    }
    if (left_ == 0) {
      return fail(Code::too_large, "the object is too large", "unpacks to more than the limit");
    }
    const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_));
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(room, 1U << 30));
    const uInt asked = stream_.avail_out;
    while (stream_.avail_out == asked && !finished_) {
      if (auto stepped = step(); !stepped) {
        return std::unexpected(stepped.error());
      }
    }
    const std::size_t made = asked - stream_.avail_out;
    left_ -= made;
    return made;
  }
  [[nodiscard]] std::uint64_t remaining() const override {
    if (finished_) {
      return 0;
    }
    // Deflate makes at most 1032 bytes of one; the window may hold a little more.
    const std::uint64_t packed = packed_->remaining() + stream_.avail_in;
    return packed > (left_ >> 11) ? left_ : std::min<std::uint64_t>(left_, packed * 1032 + 65536);
  }
  Result<void> skip(std::uint64_t count) override {
    std::array<std::uint8_t, 16384> waste{};
    while (count > 0) {
      auto got =
          read_some(std::span(waste).first(static_cast<std::size_t>(std::min<std::uint64_t>(count, waste.size()))));
      if (!got) {
        return std::unexpected(got.error());
      }
      if (*got == 0) {
        return fail(Code::corrupt, "the object is truncated", "skip beyond the end of the gzip stream");
      }
      count -= *got;
    }
    return {};
  }

 private:
  Result<void> step() {
    if (stream_.avail_in == 0) {
      auto got = packed_->read_some(input_);
      if (!got) {
        return std::unexpected(got.error());
      }
      if (*got == 0) {
        if (between_members_) {
          finished_ = true;
          return {};
        }
        return fail(Code::corrupt, "the object is truncated", "gzip stream ends early");
      }
      stream_.next_in = input_.data();
      stream_.avail_in = static_cast<uInt>(*got);
    }
    const bool first_of_member = std::exchange(between_members_, false) && seen_member_;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      between_members_ = seen_member_ = true;
      inflateReset(&stream_);
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      if (first_of_member) {  // padding after the last member, as gzip itself ignores it
        finished_ = true;
        return {};
      }
      return fail(Code::corrupt, "the object is broken", "gzip stream is corrupt");
    }
    return {};
  }

  std::unique_ptr<Source> packed_;
  std::uint64_t left_;
  std::vector<std::uint8_t> input_;
  z_stream stream_{};
  bool ready_ = false;
  bool between_members_ = false;
  bool seen_member_ = false;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<Source> file_source(io::FilePtr file) {
  return std::make_unique<FileSource>(std::move(file));
}
std::unique_ptr<Source> memory_source(ByteView bytes) {
  return std::make_unique<MemorySource>(bytes);
}
std::unique_ptr<Source> gzip_source(std::unique_ptr<Source> packed, std::uint64_t max_inflated) {
  return std::make_unique<GzipSource>(std::move(packed), max_inflated);
}

void Reader::fail(Code code, std::string context) {
  if (ok()) {
    error_.code = code;
    error_.message = code == Code::corrupt ? "the object is broken" : "the object cannot be read";
    error_.context = context.empty() ? "Woolz object" : std::move(context);
  }
}

void Reader::adopt(Error error) {
  if (ok()) {
    error_ = std::move(error);
    if (error_.context.empty()) {
      error_.context = "reading the object";
    }
  }
}

bool Reader::fill(std::size_t need) {
  if (!ok()) {
    return false;
  }
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(next_), buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
            buffer_.begin());
  end_ -= next_;
  next_ = 0;
  while (end_ < need) {
    auto got = source_.read_some(std::span(buffer_).subspan(end_));
    if (!got) {
      adopt(got.error());
      return false;
    }
    if (*got == 0) {
      fail(Code::corrupt, "truncated at byte " + std::to_string(position_));
      return false;
    }
    end_ += *got;
  }
  return true;
}

float Reader::f32() {
  const std::uint32_t s = u32();  // bytes s0 s1 s2 s3 in the file
  const std::uint32_t word =
      ((((s >> 8) - 1) & 0xff) << 24) | ((s & 0xff) << 16) | (((s >> 24) & 0xff) << 8) | ((s >> 16) & 0xff);
  return std::bit_cast<float>(word);
}

bool Reader::bytes(std::span<std::uint8_t> out) {
  if (!ok()) {
    return false;
  }
  while (!out.empty()) {
    if (next_ == end_) {
      if (out.size() >= buffer_.size()) {  // large pieces go past the buffer
        auto got = source_.read_some(out);
        if (!got || *got == 0) {
          got ? fail(Code::corrupt, "truncated at byte " + std::to_string(position_)) : adopt(got.error());
          return false;
        }
        position_ += *got;
        out = out.subspan(*got);
        continue;
      }
      if (!fill(1)) {
        return false;
      }
    }
    const std::size_t count = std::min(out.size(), end_ - next_);
    std::memcpy(out.data(), buffer_.data() + next_, count);
    next_ += count;
    position_ += count;
    out = out.subspan(count);
  }
  return true;
}

std::string Reader::text() {
  const std::int32_t length = i32();
  if (!has(length)) {
    fail(Code::corrupt, "text of impossible length");
    return {};
  }
  std::string text(static_cast<std::size_t>(length), '\0');
  bytes({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

std::string Reader::fixed_text(std::size_t length) {
  std::string text(length, '\0');
  bytes({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

bool Reader::skip_to(std::uint64_t position) {
  if (!ok()) {
    return false;
  }
  if (position < position_ || position - position_ > remaining()) {
    fail(Code::corrupt, "an offset points outside the object");
    return false;
  }
  std::uint64_t count = position - position_;
  const std::uint64_t buffered = std::min<std::uint64_t>(count, end_ - next_);
  next_ += static_cast<std::size_t>(buffered);
  count -= buffered;
  if (count > 0) {
    if (auto skipped = source_.skip(count); !skipped) {
      adopt(skipped.error());
      return false;
    }
  }
  position_ = position;
  return true;
}

bool Reader::at_end() {
  if (!ok()) {
    return true;
  }
  if (next_ < end_) {
    return false;
  }
  next_ = end_ = 0;
  auto got = source_.read_some(buffer_);
  if (!got) {
    adopt(got.error());
    return true;
  }
  end_ = *got;
  return end_ == 0;
}

}  // namespace microtome::woolz
