// SPDX-License-Identifier: Apache-2.0
// The variables that servers read, each with its flag: one table for the environment, the command line and its help.
#pragma once

#include <span>
#include <string_view>

#include "apps/settings.hpp"

namespace microtome::apps {

struct Variable {
  const char* name;  // in the environment
  const char* flag;  // on the command line
  const char* help;
  // Code::bad_request with a message that begins with `what`, the spelling that was used.
  Result<void> (*set)(Settings& settings, std::string_view what, std::string_view text);
};

[[nodiscard]] std::span<const Variable> variables();

}  // namespace microtome::apps
