// SPDX-License-Identifier: Apache-2.0
// The commands that keep a site running: up, down, status, reload, logs, doctor. Prints.
#pragma once

#include <string_view>

namespace microtome::apps {

// It is one of these commands.
[[nodiscard]] bool is_keep_command(std::string_view word);
// `argv[1]` is the command. Exit status: 0 good, 1 it did not work, 2 wrong usage; status: 3 when something is not
// running.
int run_keep_command(int argc, char** argv);

}  // namespace microtome::apps
