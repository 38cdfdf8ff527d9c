// SPDX-License-Identifier: Apache-2.0
#include "net/loop.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace microtome::net {
namespace {

class Counting : public Watcher {
 public:
  void readable() override { ++reads; }
  void writable() override {}
  void failed() override {}
  int reads = 0;
};

std::array<int, 2> socket_pair() {
  std::array<int, 2> pair{-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
  return pair;
}

// Runs each step in a turn of the loop of its own, and two more turns behind them.
void run_steps(Loop& loop, std::vector<std::function<void()>> steps) {
  steps.emplace_back([] {});
  steps.emplace_back([] {});
  std::size_t at = 0;
  std::function<void()> next = [&] {
    if (at == steps.size()) {
      return loop.quit();
    }
    steps[at++]();
    loop.post(next);
  };
  loop.post(next);
  loop.run();
}

// A process that has just been forked, or a successor that was given the socket, has the file open as well: closing
// our descriptor alone does not take it out of the kernel's list, and what is reported of it later must reach nobody.
TEST(Loop, NothingIsHeardOfAClosedDescriptorThatAnotherProcessHasOpen) {
  Loop loop(std::chrono::milliseconds(500));
  const auto closed = socket_pair();
  const auto open = socket_pair();
  const int elsewhere = dup(closed[0]);
  const auto first = std::make_shared<Counting>();
  const auto second = std::make_shared<Counting>();
  auto one = std::make_unique<Descriptor>(loop, closed[0]);
  std::unique_ptr<Descriptor> other;
  one->wait_readable(first);
  run_steps(loop, {[&] { one.reset(); }, [] {},
                   [&] {
                     // Takes the memory that the closed one had.
                     other = std::make_unique<Descriptor>(loop, open[0]);
                     other->wait_readable(second);
                     (void)!write(closed[1], "x", 1);
                   }});
  EXPECT_EQ(first->reads, 0);
  EXPECT_EQ(second->reads, 0);
  other.reset();
  for (const int fd : {elsewhere, closed[1], open[1]}) {
    close(fd);
  }
}

}  // namespace
}  // namespace microtome::net
