// SPDX-License-Identifier: Apache-2.0
// What microtome-host does to its own process: user, limits, background, pid file. Before there are threads.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "host/settings.hpp"

namespace microtome::host {

constexpr int kFailed = 255;  // the exit status, as lighttpd's

// Becomes another user, where we are root. The files that need root are open by now. False, and logged, when it
// cannot.
[[nodiscard]] bool drop_privileges(const ServerSettings& settings, const Log& log);
// To the background: the parent waits until the child is ready, and tells its success. -1 in the child, which says so
// with a 0 byte into `ready_pipe`; else an exit status.
[[nodiscard]] int daemonise(int& ready_pipe);
// Standard input, output and error lead nowhere from now on.
void silence();
void set_limits(const ServerSettings& settings);
[[nodiscard]] std::vector<std::string> our_environment();

// Removed at the end, unless it was left to somebody else.
class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  // It is a successor's now.
  void leave() { keep_ = false; }
  // True when it is written, or none is wanted.
  bool write();

 private:
  std::string path_;
  bool written_ = false;
  bool keep_ = true;
};

}  // namespace microtome::host
