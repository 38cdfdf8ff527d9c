// SPDX-License-Identifier: Apache-2.0
// `microtome up` and `down`. Libraries do not print: what there is to say is returned.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "keep/host_process.hpp"
#include "keep/site.hpp"

namespace microtome::keep {

struct UpOptions {
  std::string source;           // a folder of pictures or a configuration
  std::string listen;           // address, or empty: as before, or the default
  std::string keeper = "auto";  // see keepers.hpp
  int memory = 0;               // MiB, 0: find out
};

struct UpReport {
  Site site;
  Running running;
  bool was_running = false;
  std::vector<std::string> notes;
};

// Writes, registers and starts what is not there yet; changes nothing where all is as wanted. Any number of calls at
// the same time make one server.
[[nodiscard]] Result<UpReport> bring_up(const UpOptions& options, const Programs& programs);

// What cron calls each minute: starts the host when it does not run, replaces it when it does not answer; nothing
// when all is well or the site was brought down. Costs a few system calls.
Result<void> tick(const std::string& source, const Programs& programs);

// Waits until no other host of this site runs, then becomes it. Returns on failure, and (value) when the site was
// brought down while waiting.
Result<void> stay_in_foreground(const UpOptions& options, const Programs& programs);

struct DownReport {
  bool was_running = false;
  std::vector<std::string> notes;
};
// Takes the registration away and ends the host; `purge` also removes all that was written.
[[nodiscard]] Result<DownReport> bring_down(const Site& site, bool purge);

// Checks the configuration and has the host read it again. Code::bad_request with the host's messages.
Result<void> reload(const Site& site, const Programs& programs);

}  // namespace microtome::keep
