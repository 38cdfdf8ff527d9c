// SPDX-License-Identifier: Apache-2.0
#include "host/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace microtome::host {
namespace {
constexpr std::size_t kInMemory = 256 * 1024;
}

Spool::~Spool() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

Result<void> Spool::append(std::string_view bytes) {
  if (fd_ < 0 && memory_.size() + bytes.size() <= kInMemory) {
    memory_.append(bytes);
    size_ += bytes.size();
    return {};
  }
  if (fd_ < 0) {
    fd_ = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd_ < 0) {
      return fail(Code::io, "the body cannot be kept", std::strerror(errno));
    }
    const std::string first = std::move(memory_);
    memory_.clear();
    size_ = 0;
    if (auto kept = append(first); !kept) {
      return kept;
    }
  }
  while (!bytes.empty()) {
    const ssize_t count = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return fail(Code::io, "the body cannot be kept", std::strerror(errno));
    }
    size_ += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::string> Spool::take(std::size_t most) {
  const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(most, size_ - taken_));
  std::string bytes(step, '\0');
  if (fd_ < 0) {
    bytes = memory_.substr(static_cast<std::size_t>(taken_), step);
  } else if (pread(fd_, bytes.data(), step, static_cast<off_t>(taken_)) != static_cast<ssize_t>(step)) {
    return fail(Code::io, "the body cannot be read back", std::strerror(errno));
  }
  taken_ += step;
  return bytes;
}

}  // namespace microtome::host
