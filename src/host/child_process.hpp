// SPDX-License-Identifier: Apache-2.0
// ChildProcess: one process we started: watched until it ends, its standard error read line by line. Loop thread
// only.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/loop.hpp"

namespace microtome::host {

struct ChildSpec {
  std::vector<std::string> command;      // program and arguments; the program is not searched for in PATH
  std::vector<std::string> environment;  // "NAME=value"
  std::string directory;                 // empty: that of the program
  int input = -1;                        // becomes descriptor 0; stays ours
};

class ChildProcess : public std::enable_shared_from_this<ChildProcess> {
 public:
  struct Events {
    std::function<void(int wait_status)> ended;   // once
    std::function<void(std::string_view)> wrote;  // a line of its standard error, without the line end
  };

  // Starts it, in a process group of its own, so that signals of a terminal reach only us; when we die it gets
  // SIGTERM from the kernel. Its descriptors: 0 input, 1 /dev/null, 2 the pipe that `wrote` reads; signals are as at
  // login. That the program cannot be executed shows as a line and exit status 127.
  [[nodiscard]] static Result<std::shared_ptr<ChildProcess>> start(const std::shared_ptr<net::Loop>& loop,
                                                                   const ChildSpec& spec, Events events);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool alive() const { return alive_; }
  void signal(int number) const;
  void signal_group(int number) const;  // the process and what it has started
  // Bytes of memory in use; 0 when unknown.
  [[nodiscard]] std::size_t resident() const;
  // No event comes any more.
  void forget() { events_ = {}; }

 private:
  class Waiter;
  class Reader;
  ChildProcess(pid_t pid, Events events) : pid_(pid), events_(std::move(events)) {}
  void end();

  pid_t pid_;
  Events events_;
  bool alive_ = true;
  std::shared_ptr<Waiter> waiter_;
  std::shared_ptr<Reader> reader_;
};

// "exit status 3", "killed by signal 9 (Killed)"
[[nodiscard]] std::string describe_end(int wait_status);

// The environment of an app: what it may inherit of ours, its own variables over it, PHP_FCGI_CHILDREN=1 unless said
// otherwise.
[[nodiscard]] std::vector<std::string> child_environment(const std::vector<std::string>& ours,
                                                         const std::optional<std::vector<std::string>>& copied,
                                                         const std::vector<std::pair<std::string, std::string>>& own);

}  // namespace microtome::host
