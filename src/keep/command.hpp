// SPDX-License-Identifier: Apache-2.0
// Runs programs and waits for them. Thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace microtome::keep {

struct CommandResult {
  int status = -1;     // exit status; 127: there is no such program; -1: ended by a signal or out of time
  std::string output;  // standard output, at most 1 MiB
  std::string errors;  // standard error, at most 64 KiB
};

// The program is searched for in PATH, and where cron's PATH does not reach: /usr/local/bin, /usr/bin, /bin, sbin. It
// is ended after `limit`.
[[nodiscard]] CommandResult run_command(const std::vector<std::string>& words, const std::string& input = {},
                                        std::chrono::milliseconds limit = std::chrono::seconds(20));

// The full path of a program; empty when there is none.
[[nodiscard]] std::string find_program(const std::string& name);

}  // namespace microtome::keep
