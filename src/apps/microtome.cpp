// SPDX-License-Identifier: Apache-2.0
// microtome: everything about pictures.
#include "apps/command_line.hpp"
#include "apps/server_command.hpp"

int main(int argc, char** argv) {
  microtome::apps::block_signals();  // before any thread exists
  return microtome::apps::run(argc, argv);
}
