// SPDX-License-Identifier: Apache-2.0
// Lock: at most one process (and those that inherited it) has it; the kernel takes it back at any kind of death. A
// lock is a file, its content means nothing, and it is never found stale.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace microtome::keep {

class Lock {
 public:
  enum class Wait { no, yes };
  // No lock when another has it (Wait::no). Code::io when the file cannot be made. A file that was removed or
  // replaced while we waited does not count as locked.
  static Result<std::optional<Lock>> take(const std::string& path, Wait wait);

  Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Lock& operator=(Lock&& other) noexcept;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock();

  [[nodiscard]] int fd() const { return fd_; }
  // Programs that are executed keep the lock.
  void inherit() const;

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
};

// Somebody has the lock. Cheap: one open, one flock.
[[nodiscard]] bool is_locked(const std::string& path);

// Processes of ours that have this file open, without ourselves. Looks through /proc: some ms.
[[nodiscard]] std::vector<int> holders(const std::string& path);

}  // namespace microtome::keep
