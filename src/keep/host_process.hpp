// SPDX-License-Identifier: Apache-2.0
// The host as a process: started with the site's lock in its hands, asked whether it answers, ended. The lock is held
// exactly as long as the host lives, because the host inherits it: there is nothing else to be wrong about.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "keep/lock.hpp"
#include "keep/site.hpp"

namespace microtome::keep {

struct Programs {
  std::string microtome;  // absolute
  std::string keep;       // what cron calls: microtome-keep, else microtome
  std::string host;
  std::string app;  // under a name that ends in .fcgi
};
// Those beside the running program.
[[nodiscard]] Programs find_programs();

// Starts the host in the background and waits until it serves. Code::io with what the host said when it ends before,
// Code::deadline when it is not ready in time (it goes on).
Result<void> start_host(const Site& site, const Programs& programs, Lock lock, std::chrono::milliseconds limit);

// Has a process in the background that waits for the host's end and starts it again at once, where there is none yet.
// It goes when the site is brought down. cron only has to start it after a reboot, and when it was killed itself.
void ensure_guard(const Site& site, const Programs& programs);

// Becomes the host, in the foreground. Returns only on failure.
[[nodiscard]] Error become_host(const Site& site, const Programs& programs, const Lock& lock);

// Process ids of hosts that have the site's lock: none or one.
[[nodiscard]] std::vector<int> host_pids(const Site& site);

// It answers a request that no app sees.
[[nodiscard]] bool answers(const Running& running, std::chrono::milliseconds limit);

// SIGTERM, and SIGKILL when it has not ended in `grace`. True when none is left.
bool end_host(const Site& site, std::chrono::milliseconds grace);

// What the host wrote last, without times, at most `count` lines; `from`: where in the log this start began.
[[nodiscard]] std::string last_words(const Site& site, std::size_t from, std::size_t count);

// Keeps the log small: beyond 8 MiB it becomes log.1.
void rotate_log(const Site& site);

}  // namespace microtome::keep
