// SPDX-License-Identifier: Apache-2.0
// Signals as events of the loop. Loop thread only.
#pragma once

#include <csignal>
#include <functional>
#include <memory>

#include "net/loop.hpp"

namespace microtome::host {

// What the host hears: TERM, INT, HUP, USR1, USR2 and CHLD. Blocked by block_host_signals() (server.hpp).
[[nodiscard]] sigset_t host_signals();

class Signals : public net::Watcher, public std::enable_shared_from_this<Signals> {
 public:
  // `fd`: of signalfd(2), and ours from now on. `take` is called with the number of each.
  Signals(net::Loop& loop, int fd, std::function<void(int)> take);
  void begin();
  void end();  // `take` is not called any more
  void readable() override;
  void writable() override {}
  void failed() override {}

 private:
  net::Descriptor descriptor_;
  std::function<void(int)> take_;
};

}  // namespace microtome::host
