// SPDX-License-Identifier: Apache-2.0
// The command line of microtome, and of the names under which it is the FastCGI app.
#pragma once

namespace microtome::apps {

// Parses, runs the command, returns the exit code: 0 done, 1 failed, 2 wrong usage.
[[nodiscard]] int run(int argc, char** argv);

}  // namespace microtome::apps
