// SPDX-License-Identifier: Apache-2.0
#include "host/system_log.hpp"

#include <syslog.h>

#include <algorithm>
#include <utility>

namespace microtome::host {

std::optional<int> syslog_facility(std::string_view name) {
  static constexpr std::pair<std::string_view, int> kFacilities[] = {
      {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},     {"daemon", LOG_DAEMON},
      {"ftp", LOG_FTP},       {"kern", LOG_KERN},         {"lpr", LOG_LPR},       {"mail", LOG_MAIL},
      {"news", LOG_NEWS},     {"security", LOG_AUTH},     {"syslog", LOG_SYSLOG}, {"user", LOG_USER},
      {"uucp", LOG_UUCP},     {"local0", LOG_LOCAL0},     {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},
      {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},     {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},
      {"local7", LOG_LOCAL7},
  };
  const auto* found = std::ranges::find(kFacilities, name, &std::pair<std::string_view, int>::first);
  return found != std::end(kFacilities) ? std::optional(found->second) : std::nullopt;
}

void open_syslog(const std::string& facility) {
  openlog("microtome-host", LOG_PID | LOG_NDELAY, syslog_facility(facility).value_or(LOG_DAEMON));
}

void to_syslog(int level, const std::string& text) {
  syslog(std::clamp(level, LOG_EMERG, LOG_DEBUG), "%s", text.c_str());
}

int syslog_level(LogLevel level) {
  return level == LogLevel::error ? LOG_ERR : level == LogLevel::warning ? LOG_WARNING : LOG_INFO;
}

}  // namespace microtome::host
