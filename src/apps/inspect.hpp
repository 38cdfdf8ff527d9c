// SPDX-License-Identifier: Apache-2.0
// inspect: says what a picture is.
#pragma once

#include <string>
#include <vector>

namespace microtome::apps {

struct InspectOptions {
  std::vector<std::string> files;
  bool json = false;
};

// Prints to standard output; 1 when a picture could not be opened (the others are still shown).
[[nodiscard]] int inspect(const InspectOptions& options);

}  // namespace microtome::apps
