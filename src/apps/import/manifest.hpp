// SPDX-License-Identifier: Apache-2.0
// Manifest: manifest.jsonl, one line for each picture made, only ever appended to. A source counts as done when
// its last line has the same state of the source, the same parameters, and the target is still as it was written.
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "io/file.hpp"

namespace microtome::apps {

struct ManifestEntry {
  std::string source;
  std::uint64_t source_size = 0;  // bytes
  std::int64_t source_mtime_ns = 0;
  std::string target;  // file name in the set's folder
  std::uint64_t target_size = 0;
  int tile = 0;
  int quality = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  double seconds = 0;
};

class Manifest {
 public:
  // Reads what is there; lines that are cut off or not ours are passed over.
  static Result<Manifest> open(const std::string& path);
  Manifest(Manifest&& other) noexcept;
  Manifest& operator=(Manifest&&) = delete;
  ~Manifest();

  [[nodiscard]] bool is_done(const ManifestEntry& wanted, const std::string& target_path) const;
  Result<void> add(const ManifestEntry& entry);

 private:
  Manifest(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
  mutable std::mutex mutex_;
  std::map<std::string, ManifestEntry> by_source_;
};

}  // namespace microtome::apps
