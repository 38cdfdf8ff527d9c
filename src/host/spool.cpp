// SPDX-License-Identifier: Apache-2.0
#include "host/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/bytes.hpp"
#include "io/file.hpp"

namespace microtome::host {
namespace {

constexpr std::uint64_t kSmallestFile = 4096;
constexpr std::uint64_t kLargestFile = 1ULL << 40;

// A file that nobody else can find. Some file systems cannot make one without a name.
int open_nameless(const std::string& directory) {
  const int fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
    return fd;
  }
  std::string name = directory + "/microtome-XXXXXX";
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) {
    unlink(name.c_str());
  }
  return named;
}

}  // namespace

Spool::Spool(SpoolPlacePtr place, std::size_t in_memory)
    : place_(place ? std::move(place) : std::make_shared<const SpoolPlace>()),
      in_memory_(in_memory),
      next_size_(std::clamp(place_->file_size, kSmallestFile, kLargestFile)) {}

Spool::~Spool() {
  clear();
}

void Spool::clear() {
  for (const Part& part : parts_) {
    close(part.fd);
  }
  parts_.clear();
  std::string().swap(memory_);
  size_ = taken_ = 0;
  next_size_ = std::clamp(place_->file_size, kSmallestFile, kLargestFile);
}

Error Spool::fault(int error) {
  fault_status_ = error == ENOSPC || error == EDQUOT || error == EFBIG ? 507 : 500;
  const auto& all = place_->directories;
  const std::string where = directory_ < all.size() ? all[directory_] : std::string("server.upload-dirs");
  return {Code::io, "the body cannot be kept", "the body cannot be kept: " + where + ": " + std::strerror(error)};
}

Result<void> Spool::open_part() {
  int error = ENOENT;
  for (; directory_ < place_->directories.size(); ++directory_) {
    const int fd = open_nameless(place_->directories[directory_]);
    if (fd >= 0) {
      parts_.push_back({fd, size_, 0, next_size_});
      next_size_ = std::min(next_size_ * 2, kLargestFile);
      return {};
    }
    error = errno;
    if (directory_ + 1 == place_->directories.size()) {
      break;
    }
  }
  return std::unexpected(fault(error));
}

Result<void> Spool::append(std::string_view bytes) {
  if (parts_.empty() && size_ == memory_.size() && memory_.size() + bytes.size() <= in_memory_) {
    memory_.append(bytes);
    size_ += bytes.size();
    return {};
  }
  while (!bytes.empty()) {
    if (parts_.empty() || parts_.back().size == parts_.back().most) {
      if (auto opened = open_part(); !opened) {
        return opened;
      }
    }
    Part& part = parts_.back();
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), part.most - part.size));
    const ssize_t count = pwrite(part.fd, bytes.data(), step, static_cast<off_t>(part.size));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      const int error = count < 0 ? errno : ENOSPC;
      if (directory_ + 1 >= place_->directories.size()) {
        return std::unexpected(fault(error));
      }
      ++directory_;  // the part ends here
      part.most = part.size;
      continue;
    }
    part.size += static_cast<std::uint64_t>(count);
    size_ += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::string> Spool::take(std::size_t most) {
  if (taken_ < memory_.size()) {
    std::string bytes = memory_.substr(static_cast<std::size_t>(taken_), most);
    taken_ += bytes.size();
    return bytes;
  }
  const auto part =
      std::ranges::find_if(parts_, [this](const Part& each) { return taken_ < each.begin + each.size; });
  if (part == parts_.end()) {
    return std::string();
  }
  const std::uint64_t offset = taken_ - part->begin;
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(most, part->size - offset)), '\0');
  if (pread(part->fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes.size())) {
    return fail(Code::io, "the body cannot be read back", std::strerror(errno));
  }
  taken_ += bytes.size();
  return bytes;
}

void Spool::forget_taken() {
  if (taken_ == size_) {
    return clear();
  }
  if (taken_ >= memory_.size()) {
    std::string().swap(memory_);
  }
  const auto kept =
      std::ranges::find_if(parts_, [this](const Part& each) { return taken_ < each.begin + each.size; });
  for (auto part = parts_.begin(); part != kept; ++part) {
    close(part->fd);
  }
  parts_.erase(parts_.begin(), kept);
}

Result<http::Body> Spool::as_body() {
  if (parts_.empty()) {
    http::Body body = std::move(memory_);
    clear();
    return body;
  }
  http::FileBody body;
  if (!memory_.empty()) {
    const ByteView bytes = as_bytes(memory_);
    body.prefix = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  }
  while (!parts_.empty()) {
    const Part part = parts_.front();
    parts_.erase(parts_.begin());
    auto file = io::File::adopt(part.fd, "a kept body");
    if (!file) {
      return pass(file.error());
    }
    if (part.size > 0) {
      body.ranges.push_back({std::move(*file), 0, part.size});
    }
  }
  clear();
  return body;
}

}  // namespace microtome::host
