// SPDX-License-Identifier: Apache-2.0
// Blob: a run of bytes that stays: in memory, or a mapping of a file whose pages are the page cache's.
// BlobWriter makes one: small ones stay in memory, larger ones spill into a temporary file that may then take its
// place as a sidecar by rename.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/atomic_file.hpp"
#include "io/file.hpp"

namespace microtome::woolz {

// Immutable; thread-safe.
class Blob {
 public:
  virtual ~Blob() = default;
  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Bytes of our own memory, not counting what the page cache holds.
  [[nodiscard]] virtual std::size_t memory() const = 0;
  // False once a mapped file has become shorter than what was mapped: reading on would end the process.
  [[nodiscard]] virtual bool intact() const { return true; }

 protected:
  const std::uint8_t* data_ = nullptr;
  std::uint64_t size_ = 0;
};

using BlobPtr = std::shared_ptr<const Blob>;

[[nodiscard]] BlobPtr memory_blob(Bytes bytes);
// Maps [offset, offset + length) of `file`, read-only and shared. The offset need not be aligned.
[[nodiscard]] Result<BlobPtr> mapped_blob(io::FilePtr file, std::uint64_t offset, std::uint64_t length);

struct BlobWriterOptions {
  std::uint64_t spill_bytes = 8ULL << 20;  // more than this goes to a file
  std::string final_path;                  // where finish() puts the file; "" = no name, gone with the process
};

// Append-only, with patches of what has been written. Not thread-safe. The temporary file goes when it is not
// finished.
class BlobWriter {
 public:
  explicit BlobWriter(BlobWriterOptions options);
  ~BlobWriter();
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  // Writes at the next multiple of `align` (a power of two) and gives back where that is.
  Result<std::uint64_t> append(ByteView bytes, std::uint64_t align = 8);
  Result<void> patch(std::uint64_t offset, ByteView bytes);
  [[nodiscard]] std::uint64_t size() const { return flushed_ + tail_.size(); }

  // Ends writing. A spilt file is moved to final_path, if there is one; when that fails it is used all the same.
  Result<BlobPtr> finish();

 private:
  Result<void> spill();
  Result<void> flush();
  [[nodiscard]] int fd() const { return named_ ? named_->fd() : fd_; }

  BlobWriterOptions options_;
  Bytes tail_;  // what comes after the flushed part
  std::uint64_t flushed_ = 0;
  std::optional<io::AtomicFile> named_;
  int fd_ = -1;  // of the unnamed file, when there is no named one
};

}  // namespace microtome::woolz
