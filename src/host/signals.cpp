// SPDX-License-Identifier: Apache-2.0
#include "host/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

namespace microtome::host {

sigset_t host_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) {
    sigaddset(&set, number);
  }
  return set;
}

Signals::Signals(net::Loop& loop, int fd, std::function<void(int)> take)
    : descriptor_(loop, fd), take_(std::move(take)) {}

void Signals::begin() {
  descriptor_.wait_readable(shared_from_this());
}

void Signals::end() {
  descriptor_.close();
  take_ = nullptr;
}

void Signals::readable() {
  const auto self = shared_from_this();
  signalfd_siginfo info{};
  while (descriptor_.fd() >= 0 && ::read(descriptor_.fd(), &info, sizeof info) == sizeof info) {
    take_(static_cast<int>(info.ssi_signo));
  }
  if (descriptor_.fd() >= 0) {
    descriptor_.drained();
    begin();
  }
}

}  // namespace microtome::host
