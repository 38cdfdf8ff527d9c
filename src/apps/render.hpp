// SPDX-License-Identifier: Apache-2.0
// render: answers one request into a file, through the same protocols and engine as the servers, without a socket.
#pragma once

#include <string>

#include "apps/server_command.hpp"

namespace microtome::apps {

struct RenderOptions {
  std::string target;  // path and query
  std::string output;  // "" or "-" = standard output
};

// Exit code 0, or 1 with the status and message on standard error. A file is written atomically, a pipe or device as
// it is.
[[nodiscard]] int render(const RenderOptions& options, const ServerPlan& plan);

}  // namespace microtome::apps
