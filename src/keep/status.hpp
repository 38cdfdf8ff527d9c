// SPDX-License-Identifier: Apache-2.0
// How a site is. Looks at the lock, /proc and the host's own status page.
#pragma once

#include <string>

#include "keep/site.hpp"

namespace microtome::keep {

struct Status {
  Site site;
  std::string
      state;  // "running", "not answering", "starting", "stopped" (by `down`), "failing" (will be tried again)
  Running running;
  History history;
  double uptime = 0;          // seconds, by a clock that nobody sets
  long long memory = 0;       // bytes of the host and its apps (proportional set size)
  double latency_ms = -1;     // of one /healthz through the host and the app; -1: none answered
  int health = 0;             // its status
  std::string host_status;    // the host's status page as JSON, empty where there is none
  std::string app_health;     // /healthz as the app answered it, where that is JSON
  bool guarded = false;       // something starts it again at once
  bool keeper_there = false;  // its keeper still knows it
};

[[nodiscard]] Status status_of(const Site& site);
[[nodiscard]] std::string as_text(const Status& status);
[[nodiscard]] std::string as_json(const Status& status);

}  // namespace microtome::keep
