// SPDX-License-Identifier: Apache-2.0
// Messages for syslog (server.errorlog-use-syslog, accesslog.use-syslog). Thread-safe once opened.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace microtome::host {

// "daemon", "local0", ...: the number syslog(3) knows it by; nullopt for other words.
[[nodiscard]] std::optional<int> syslog_facility(std::string_view name);

// Names the sender, "microtome-host", and its facility ("": daemon). Call once, before the first message.
void open_syslog(const std::string& facility);

// `level`: 0 (emergency) to 7 (debug). What syslog cannot take now is lost.
void to_syslog(int level, const std::string& text);
[[nodiscard]] int syslog_level(LogLevel level);

}  // namespace microtome::host
