// SPDX-License-Identifier: Apache-2.0
#include "host/guard.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace microtome::host {
namespace {

constexpr std::size_t kMostGroups = 4096;
constexpr time_t kGrace = 2;  // seconds between TERM and KILL

// Runs in the forked process: only async-signal-safe calls.
[[noreturn]] void watch(int fd) {
  static std::array<int, kMostGroups> groups;
  std::size_t count = 0;
  int number = 0;
  while (true) {
    const ssize_t got = read(fd, &number, sizeof number);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got != sizeof number) {
      break;
    }
    int* const end = groups.data() + count;
    if (number > 1 && count < kMostGroups) {
      groups[count++] = number;
    } else if (int* const found = std::find(groups.data(), end, -number); found != end) {
      *found = groups[--count];
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    kill(-groups[i], SIGTERM);
  }
  timespec grace{count > 0 ? kGrace : 0, 0};
  while (nanosleep(&grace, &grace) != 0 && errno == EINTR) {
  }
  for (std::size_t i = 0; i < count; ++i) {
    kill(-groups[i], SIGKILL);
  }
  _exit(0);
}

}  // namespace

std::shared_ptr<Guard> Guard::start() {
  std::array<int, 2> pipe{-1, -1};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return nullptr;
  }
  const pid_t pid = fork();
  if (pid == 0) {
    setsid();  // signals of the terminal are not meant for it
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE}) {
      sigaction(number, &ignore, nullptr);
    }
    prctl(PR_SET_NAME, "host-guard");
    dup2(pipe[0], 0);
    close_range(1, ~0U, 0);
    watch(0);
  }
  close(pipe[0]);
  if (pid < 0) {
    close(pipe[1]);
    return nullptr;
  }
  return std::shared_ptr<Guard>(new Guard(pipe[1], pid));
}

Guard::~Guard() {
  close(fd_);
  waitpid(pid_, nullptr, 0);
}

void Guard::tell(int number) const {
  (void)!write(fd_, &number, sizeof number);  // below PIPE_BUF: whole or not at all
}

}  // namespace microtome::host
