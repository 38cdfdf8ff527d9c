// SPDX-License-Identifier: Apache-2.0
// Our lines in a crontab. Each ends in "# microtome ID", by which it is found and removed; all other lines stay as
// they are, byte for byte. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace microtome::keep {

// `command` at every boot and every minute. A % in it, which cron would take for a line end, is escaped.
[[nodiscard]] std::string crontab_lines(std::string_view id, std::string_view command);

// The crontab without the lines of `id`.
[[nodiscard]] std::string without_lines(std::string_view crontab, std::string_view id);

// The crontab with exactly `lines` for `id`. The same text when they are there already.
[[nodiscard]] std::string with_lines(std::string_view crontab, std::string_view id, std::string_view lines);

}  // namespace microtome::keep
