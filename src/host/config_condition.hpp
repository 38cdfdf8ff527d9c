// SPDX-License-Identifier: Apache-2.0
// Conditions as they stand in a configuration: $HTTP["url"] =~ "...". Part of the parser.
#pragma once

#include <optional>

#include "host/config_expression.hpp"
#include "host/config_place.hpp"
#include "host/config_tree.hpp"

namespace microtome::host {

// Parses the condition whose `$` is at the cursor, up to the `{`. `values` reads from the same cursor. Patterns and
// addresses are checked; what is wrong is reported, and nothing returned.
[[nodiscard]] std::optional<Condition> parse_condition(Cursor& cursor, Expressions& values, Diagnostics& diagnostics);

}  // namespace microtome::host
