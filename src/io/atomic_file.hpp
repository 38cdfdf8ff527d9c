// SPDX-License-Identifier: Apache-2.0
// Files that appear whole or not at all: written as NAME.part in the same directory, flushed, verified, renamed.
// Where NAME is a directory, a device or a pipe it stays what it is: Code::io.
// After a crash only a NAME.part is left, which the next writer of NAME takes over.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace microtome::io {

// Looks at the finished temporary file; an error keeps it from being published.
using Verify = std::function<Result<void>(const std::string& temporary)>;

// Where NAME is written before it is published: NAME.part.
[[nodiscard]] std::string part_name(const std::string& path);

// For files that a library wrote to `temporary` by name: fsync, verify, rename to `path`, fsync of the directory.
// On any failure `temporary` is removed and `path` is as it was. Code::io, or what verify said. Blocks.
[[nodiscard]] Result<void> publish(const std::string& temporary, const std::string& path, const Verify& verify = {});

// Writer of one such file. Not thread-safe. Holds a lock on NAME.part, so two writers of the same file
// (also in two processes) cannot mix: the second gets Code::overloaded.
class AtomicFile {
 public:
  // `mode`: permissions of the new file, before the umask.
  static Result<AtomicFile> create(const std::string& path, unsigned mode = 0644);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();  // removes the temporary file unless committed

  Result<void> write(ByteView bytes);  // appends
  Result<void> commit(const Verify& verify = {});

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const std::string& temporary() const { return temporary_; }

 private:
  AtomicFile(int fd, std::string path, std::string temporary);
  void discard();
  int fd_ = -1;
  std::string path_;
  std::string temporary_;
};

}  // namespace microtome::io
