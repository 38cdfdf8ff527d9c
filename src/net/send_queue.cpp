// SPDX-License-Identifier: Apache-2.0
#include "net/send_queue.hpp"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <variant>

namespace microtome::net {
namespace {

constexpr std::size_t kMaxVectors = 16;
constexpr std::uint64_t kWindow = 256 * 1024;  // bytes of a file asked about, and sent, at a time
constexpr std::size_t kCopied = 1500;          // shared memory up to this size is copied behind text
constexpr std::size_t kKeepText = 16 * 1024;
constexpr std::size_t kCompactAfter = 64;

SendQueue::Status status_of_errno(int error) {
  return error == EAGAIN || error == EWOULDBLOCK ? SendQueue::Status::blocked : SendQueue::Status::gone;
}

// For files that sendfile cannot take (some FUSE and network file systems).
ssize_t copy_file(int fd, int file, std::uint64_t offset, std::size_t length) {
  std::array<char, 16 * 1024> buffer;
  const ssize_t got = pread(file, buffer.data(), std::min(length, buffer.size()), static_cast<off_t>(offset));
  return got <= 0 ? got : send(fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
}

}  // namespace

void SendQueue::copy(std::string_view text) {
  write([text](std::string& out) { out.append(text); });
}

// What was appended to text_ after `from` becomes a piece, or the end of the last one.
void SendQueue::add_text(std::size_t from) {
  const std::size_t size = text_.size() - from;
  if (size == 0) {
    return;
  }
  const bool joins = !pieces_.empty() && !pieces_.back().owner && !pieces_.back().file;
  if (joins) {
    pieces_.back().size += size;
  } else {
    Piece& piece = pieces_.emplace_back();
    piece.text_offset = from;
    piece.size = size;
  }
  size_ += size;
}

void SendQueue::body(http::Body body) {
  if (auto* file = std::get_if<http::FileBody>(&body)) {
    share(std::move(file->prefix));
    for (io::FileRange& range : file->ranges) {
      this->file(std::move(range));
    }
    share(std::move(file->suffix));
  } else if (auto* shared = std::get_if<SharedBytes>(&body)) {
    share(std::move(*shared));
  } else if (auto* bytes = std::get_if<Bytes>(&body)) {
    share(std::make_shared<const Bytes>(std::move(*bytes)));
  } else if (auto* text = std::get_if<std::string>(&body)) {
    constexpr std::size_t kCopied = 4096;  // below, a copy is cheaper than an owner
    if (text->size() <= kCopied) {
      copy(*text);
    } else {
      auto owner = std::make_shared<const std::string>(std::move(*text));
      const ByteView view = as_bytes(*owner);
      share(std::move(owner), view);
    }
  }
}

void SendQueue::share(std::shared_ptr<const void> owner, ByteView bytes) {
  if (bytes.empty()) {
    return;
  }
  if (bytes.size() <= kCopied && !pieces_.empty() && !pieces_.back().owner && !pieces_.back().file) {
    copy(as_text(bytes));
    return;
  }
  Piece& piece = pieces_.emplace_back();
  piece.owner = std::move(owner);
  piece.data = bytes.data();
  piece.size = bytes.size();
  size_ += bytes.size();
}

void SendQueue::share(SharedBytes bytes) {
  if (bytes) {
    const ByteView view(*bytes);
    share(std::move(bytes), view);
  }
}

void SendQueue::file(io::FileRange range) {
  if (range.length == 0) {
    return;
  }
  broken_ = broken_ || !range.file;
  Piece& piece = pieces_.emplace_back();
  piece.file = std::move(range.file);
  piece.offset = range.offset;
  piece.size = range.length;
  size_ += range.length;
}

const std::uint8_t* SendQueue::data(const Piece& piece) const {
  return piece.owner ? piece.data : reinterpret_cast<const std::uint8_t*>(text_.data()) + piece.text_offset;
}

void SendQueue::consume(std::uint64_t bytes) {
  size_ -= bytes;
  sent_ += bytes;
  while (bytes > 0) {
    Piece& piece = pieces_[first_];
    const std::uint64_t step = std::min(bytes, piece.size);
    piece.size -= step;
    bytes -= step;
    if (piece.file) {
      piece.offset += step;
      warm_ -= std::min(warm_, step);
    } else {
      piece.text_offset += step;
      piece.data += piece.owner ? step : 0;
    }
    if (piece.size == 0) {
      piece.owner.reset();
      if (piece.file) {
        piece.file.reset();
        warm_ = 0;
      }
      ++first_;
    }
  }
  if (first_ == pieces_.size()) {
    pieces_.clear();
    first_ = 0;
    text_.clear();
    if (text_.capacity() > kKeepText) {
      text_.shrink_to_fit();
    }
  } else if (first_ >= kCompactAfter) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
    std::size_t begin = text_.size();
    for (const Piece& piece : pieces_) {
      if (!piece.owner && !piece.file) {
        begin = std::min(begin, piece.text_offset);
      }
    }
    text_.erase(0, begin);
    for (Piece& piece : pieces_) {
      piece.text_offset -= std::min(begin, piece.text_offset);
    }
  }
}

SendQueue::Status SendQueue::send_memory(int fd, bool more, std::size_t budget, std::size_t& spent) {
  std::array<iovec, kMaxVectors> vectors;
  std::size_t count = 0;
  std::size_t total = 0;
  std::size_t i = first_;
  const std::size_t most = budget - spent;
  for (; i < pieces_.size() && !pieces_[i].file && count < kMaxVectors && total < most; ++i, ++count) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(pieces_[i].size, most - total));
    vectors[count] = {const_cast<std::uint8_t*>(data(pieces_[i])), step};
    total += step;
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  const bool follows = total < most && (more || i < pieces_.size());  // else what follows is not sent now
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (follows ? MSG_MORE : 0);
  const ssize_t sent =
      count == 1 ? send(fd, vectors[0].iov_base, vectors[0].iov_len, flags) : sendmsg(fd, &message, flags);
  if (sent < 0) {
    return errno == EINTR ? Status::done : status_of_errno(errno);
  }
  consume(static_cast<std::uint64_t>(sent));
  spent += static_cast<std::size_t>(sent);
  return static_cast<std::size_t>(sent) < total ? Status::blocked : Status::done;
}

SendQueue::Status SendQueue::send_file(int fd, std::size_t budget, std::size_t& spent) {
  const Piece& piece = pieces_[first_];
  const std::uint64_t window = std::min(piece.size, kWindow);
  if (warm_ == 0) {
    if (!(memory_ != nullptr ? memory_->resident(*piece.file, piece.offset, window)
                             : piece.file->resident(piece.offset, window))) {
      return Status::cold;
    }
    warm_ = window;
  }
  auto offset = static_cast<off_t>(piece.offset);
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>({piece.size, warm_, budget - spent}));
  ssize_t sent = sendfile(fd, piece.file->fd(), &offset, length);
  if (sent < 0 && (errno == EINVAL || errno == ENOSYS || errno == EOVERFLOW)) {
    sent = copy_file(fd, piece.file->fd(), piece.offset, length);
  }
  if (sent < 0) {
    return errno == EINTR ? Status::done : errno == EIO ? Status::broken : status_of_errno(errno);
  }
  if (sent == 0) {
    return Status::broken;  // the file ends before the range does
  }
  consume(static_cast<std::uint64_t>(sent));
  spent += static_cast<std::size_t>(sent);
  return Status::done;  // a short count is no proof that the socket is full: the next call tells
}

SendQueue::Status SendQueue::flush(int fd, bool more, std::size_t budget) {
  std::size_t spent = 0;
  budget_spent_ = false;
  if (broken_) {
    return Status::broken;
  }
  while (!pieces_.empty()) {
    if (spent >= budget) {
      budget_spent_ = true;
      return Status::blocked;
    }
    const Status status = pieces_[first_].file ? send_file(fd, budget, spent) : send_memory(fd, more, budget, spent);
    if (status != Status::done) {
      return status;
    }
  }
  return Status::done;
}

SendQueue::Status SendQueue::pull(std::span<char> to, std::size_t& got) {
  got = 0;
  if (broken_) {
    return Status::broken;
  }
  while (!pieces_.empty() && got < to.size()) {
    const Piece& piece = pieces_[first_];
    auto step = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size, to.size() - got));
    if (piece.file) {
      if (warm_ == 0) {
        const std::uint64_t window = std::min(piece.size, kWindow);
        if (!(memory_ != nullptr ? memory_->resident(*piece.file, piece.offset, window)
                                 : piece.file->resident(piece.offset, window))) {
          return got > 0 ? Status::done : Status::cold;
        }
        warm_ = window;
      }
      step = static_cast<std::size_t>(std::min<std::uint64_t>(step, warm_));
      const ssize_t count = pread(piece.file->fd(), to.data() + got, step, static_cast<off_t>(piece.offset));
      if (count <= 0) {
        broken_ = true;
        return got > 0 ? Status::done : Status::broken;
      }
      step = static_cast<std::size_t>(count);
    } else {
      std::memcpy(to.data() + got, data(piece), step);
    }
    got += step;
    consume(step);
  }
  return Status::done;
}

io::FileRange SendQueue::cold_range() const {
  const Piece& piece = pieces_[first_];
  return {piece.file, piece.offset, std::min(piece.size, kWindow)};
}

void SendQueue::warmed() {
  warm_ = std::min(pieces_[first_].size, kWindow);
}

void SendQueue::clear() {
  pieces_.clear();
  first_ = 0;
  text_.clear();
  size_ = 0;
  sent_ = 0;
  warm_ = 0;
  broken_ = false;
}

std::string SendQueue::peek() const {
  std::string all;
  for (std::size_t i = first_; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (piece.file) {
      const auto bytes = piece.file->read(piece.offset, piece.size);
      all += bytes ? as_text(*bytes) : std::string_view("<unreadable>");
    } else {
      all += as_text({data(piece), static_cast<std::size_t>(piece.size)});
    }
  }
  return all;
}

}  // namespace microtome::net
