// SPDX-License-Identifier: Apache-2.0
// What the kinds of keepers have in common, and cron. Part of keepers.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "keep/keepers.hpp"

namespace microtome::keep {

// What a program said, for the end of a sentence.
[[nodiscard]] std::string one_line(const std::string& text);
// MICROTOME_HOME has to be handed on, unless it is where everybody looks first: then "".
[[nodiscard]] std::string home_variable(const Site& site);

[[nodiscard]] Keepers::One look_for_cron();
// What there is to say to the user. Code::io or Code::not_found when cron may not be used.
[[nodiscard]] Result<std::vector<std::string>> install_cron(const Site& site, const std::string& program);
[[nodiscard]] std::vector<std::string> uninstall_cron(const Site& site);
[[nodiscard]] bool has_cron_lines(const Site& site);

}  // namespace microtome::keep
