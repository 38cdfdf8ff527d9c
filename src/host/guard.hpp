// SPDX-License-Identifier: Apache-2.0
// Guard: a tiny process beside the host that ends the host's apps when the host itself was killed: processes that
// take no notice of their parent's death, and what they have started. Loop thread only.
#pragma once

#include <memory>

namespace microtome::host {

class Guard {
 public:
  // Null when it cannot be started: then apps only get the kernel's signal.
  [[nodiscard]] static std::shared_ptr<Guard> start();
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // The process group `leader` is to be ended with us, or is gone.
  void add(int leader) { tell(leader); }
  void remove(int leader) { tell(-leader); }
  [[nodiscard]] int pid() const { return pid_; }

 private:
  Guard(int fd, int pid) : fd_(fd), pid_(pid) {}
  void tell(int number) const;
  int fd_;
  int pid_;
};

}  // namespace microtome::host
