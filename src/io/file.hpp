// SPDX-License-Identifier: Apache-2.0
// File: one read-only descriptor of a regular file, shared by everybody who reads it. pread only: no seek position,
// so all const members are thread-safe. The descriptor closes with the last shared_ptr.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace microtome::io {

// What tells one state of a file from another; part of every cache key and ETag.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;     // bytes
  std::int64_t mtime_ns = 0;  // nanoseconds since 1970
  std::uint64_t part = 0;     // which picture of a file that holds several; 0: the file as such
  friend bool operator==(const FileId&, const FileId&) = default;
};

class File {
 public:
  // Opens for reading. Code::not_found when there is none or it is not a regular file (FIFOs and devices are refused
  // without blocking), Code::io otherwise.
  // `part`: of id(), for a reader of one picture of several.
  static Result<std::shared_ptr<const File>> open(const std::string& path, std::uint64_t part = 0);
  // Takes ownership of `fd`.
  static Result<std::shared_ptr<const File>> adopt(int fd, std::string path, std::uint64_t part = 0);
  // stat only, for revalidation.
  static Result<FileId> identify(const std::string& path);

  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const FileId& id() const { return id_; }
  [[nodiscard]] std::uint64_t size() const { return id_.size; }
  [[nodiscard]] const std::string& path() const { return path_; }  // for logs and libraries, never for clients

  // Reads exactly out.size() bytes at `offset`; Code::corrupt when the file ends before. May block on the disk.
  Result<void> read(std::uint64_t offset, std::span<std::uint8_t> out) const;
  Result<Bytes> read(std::uint64_t offset, std::size_t length) const;
  // Like read, but only what the page cache holds: false when the disk would be needed. Never blocks.
  [[nodiscard]] bool read_cached(std::uint64_t offset, std::span<std::uint8_t> out) const;
  // True when [offset, offset+length) is in the page cache, as far as the kernel tells cheaply. Never blocks.
  [[nodiscard]] bool resident(std::uint64_t offset, std::uint64_t length) const;
  // Asks the kernel to read ahead (posix_fadvise WILLNEED). Does not wait.
  void will_need(std::uint64_t offset, std::uint64_t length) const;

 private:
  File(int fd, FileId id, std::string path);
  int fd_;
  FileId id_;
  std::string path_;
};

using FilePtr = std::shared_ptr<const File>;

struct FileRange {
  FilePtr file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

}  // namespace microtome::io
