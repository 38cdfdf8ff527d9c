// SPDX-License-Identifier: Apache-2.0
// Parser of lighttpd's configuration language. What it takes, lighttpd takes too and understands alike; what lighttpd
// lets pass without sense (values joined without a comma, stray brackets, `if`) is an error here, with its place.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "host/config_place.hpp"
#include "host/config_tree.hpp"

namespace microtome::host {

// What a configuration may see of the world.
struct ConfigWorld {
  std::function<Result<std::string>(const std::string& path)> read;
  std::function<std::vector<std::string>(const std::string& pattern)> glob;  // sorted
  std::function<Result<std::string>(const std::string& command)> shell;      // null: include_shell is refused
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::string directory;  // var.CWD
  int process = 0;        // var.PID
};

// Files, environment and directory of this process. `read` takes "-" as standard input.
[[nodiscard]] ConfigWorld real_world(bool allow_shell);

// Parses `path` ("-": standard input) and what it includes (paths relative to the directory of the main file).
// The tree is usable when no error was reported. Goes on after an error to find the next one, at most 20.
[[nodiscard]] ConfigTree parse_config(const std::string& path, const ConfigWorld& world, Diagnostics& diagnostics);

}  // namespace microtome::host
