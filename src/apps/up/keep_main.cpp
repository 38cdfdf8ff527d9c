// SPDX-License-Identifier: Apache-2.0
// microtome-keep: the commands that keep a site running, in a program that links no image library. It is what cron
// calls: `microtome up` does the same, but takes three times as long to be loaded.
#include <string_view>

#include "apps/up/commands.hpp"

int main(int argc, char** argv) {
  return microtome::apps::run_keep_command(argc, argv);
}
