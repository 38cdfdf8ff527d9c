// SPDX-License-Identifier: Apache-2.0
#include "woolz/blob.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "woolz/lost_pages.hpp"

namespace microtome::woolz {
namespace {

constexpr std::size_t kTailBytes = 1 << 20;

class MemoryBlob final : public Blob {
 public:
  explicit MemoryBlob(Bytes bytes) : bytes_(std::move(bytes)) {
    data_ = bytes_.data();
    size_ = bytes_.size();
  }
  [[nodiscard]] std::size_t memory() const override { return bytes_.capacity(); }

 private:
  Bytes bytes_;
};

class MappedBlob final : public Blob {
 public:
  MappedBlob(io::FilePtr file, void* map, std::size_t mapped, std::size_t skip)
      : file_(std::move(file)), map_(map), mapped_(mapped), watched_(std::in_place, map, mapped) {
    data_ = static_cast<const std::uint8_t*>(map) + skip;
    size_ = mapped - skip;
  }
  ~MappedBlob() override {
    watched_.reset();
    munmap(map_, mapped_);
  }
  MappedBlob(const MappedBlob&) = delete;
  MappedBlob& operator=(const MappedBlob&) = delete;
  [[nodiscard]] std::size_t memory() const override { return 0; }
  [[nodiscard]] bool intact() const override {
    struct stat now{};
    return fstat(file_->fd(), &now) == 0 && static_cast<std::uint64_t>(now.st_size) >= file_->size();
  }

 private:
  io::FilePtr file_;
  void* map_;
  std::size_t mapped_;
  std::optional<WatchedMapping> watched_;
};

Result<void> write_all(int fd, std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) {
      continue;
    }
    if (wrote <= 0) {
      return fail(Code::io, "cannot write the cache of the object", std::strerror(errno));
    }
    offset += static_cast<std::uint64_t>(wrote);
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace

BlobPtr memory_blob(Bytes bytes) {
  return std::make_shared<MemoryBlob>(std::move(bytes));
}

Result<BlobPtr> mapped_blob(io::FilePtr file, std::uint64_t offset, std::uint64_t length) {
  if (length == 0) {
    return memory_blob({});
  }
  if (offset > file->size() || length > file->size() - offset) {
    return fail(Code::corrupt, "the object is truncated", file->path() + ": mapping beyond the end");
  }
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t skip = offset % page;
  void* map = mmap(nullptr, length + skip, PROT_READ, MAP_SHARED, file->fd(), static_cast<off_t>(offset - skip));
  if (map == MAP_FAILED) {
    return fail(Code::io, "the object cannot be read", file->path() + ": mmap: " + std::strerror(errno));
  }
  return std::make_shared<MappedBlob>(std::move(file), map, length + skip, skip);
}

BlobWriter::BlobWriter(BlobWriterOptions options) : options_(std::move(options)) {}

BlobWriter::~BlobWriter() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

// A place that cannot be written, or where somebody else writes just now, is no failure: the file then has no name
// and is made anew next time.
Result<void> BlobWriter::spill() {
  if (!options_.final_path.empty()) {
    if (auto file = io::AtomicFile::create(options_.final_path)) {
      named_ = std::move(*file);
      return {};
    }
  }
  std::error_code ignored;
  const auto directory = std::filesystem::temp_directory_path(ignored);
  fd_ = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    std::string unnamed = (directory / "woolz.XXXXXX").string();
    fd_ = mkostemp(unnamed.data(), O_CLOEXEC);
    if (fd_ >= 0) {
      unlink(unnamed.c_str());
    }
  }
  if (fd_ < 0) {
    return fail(Code::io, "cannot write the cache of the object",
                std::string("temporary file: ") + std::strerror(errno));
  }
  return {};
}

Result<void> BlobWriter::flush() {
  if (fd() < 0) {
    if (auto spilt = spill(); !spilt) {
      return spilt;
    }
  }
  if (auto wrote = write_all(fd(), flushed_, tail_); !wrote) {
    return wrote;
  }
  flushed_ += tail_.size();
  tail_.clear();
  return {};
}

Result<std::uint64_t> BlobWriter::append(ByteView bytes, std::uint64_t align) {
  const std::uint64_t offset = (size() + align - 1) & ~(align - 1);
  tail_.resize(static_cast<std::size_t>(offset - flushed_));
  tail_.insert(tail_.end(), bytes.begin(), bytes.end());
  if (fd() >= 0 ? tail_.size() >= kTailBytes : tail_.size() > options_.spill_bytes) {
    if (auto flushed = flush(); !flushed) {
      return std::unexpected(flushed.error());
    }
  }
  return offset;
}

Result<void> BlobWriter::patch(std::uint64_t offset, ByteView bytes) {
  if (offset >= flushed_) {
    std::memcpy(tail_.data() + (offset - flushed_), bytes.data(), bytes.size());
    return {};
  }
  const std::uint64_t in_file = std::min<std::uint64_t>(bytes.size(), flushed_ - offset);
  if (auto wrote = write_all(fd(), offset, bytes.first(static_cast<std::size_t>(in_file))); !wrote) {
    return wrote;
  }
  if (in_file < bytes.size()) {
    std::memcpy(tail_.data(), bytes.data() + in_file, bytes.size() - static_cast<std::size_t>(in_file));
  }
  return {};
}

Result<BlobPtr> BlobWriter::finish() {
  if (fd() < 0) {
    tail_.shrink_to_fit();
    return memory_blob(std::move(tail_));
  }
  if (auto flushed = flush(); !flushed) {
    return std::unexpected(flushed.error());
  }
  std::string path = "temporary file";
  if (named_) {
    fd_ = dup(named_->fd());  // what is written is used even when it cannot be given its name
    path = options_.final_path;
    (void)named_->commit();
    named_.reset();
    if (fd_ < 0) {
      return fail(Code::io, "cannot write the cache of the object", std::string("dup: ") + std::strerror(errno));
    }
  }
  auto file = io::File::adopt(std::exchange(fd_, -1), path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return mapped_blob(*file, 0, (*file)->size());
}

}  // namespace microtome::woolz
