// SPDX-License-Identifier: Apache-2.0
// Keepers: what starts a site again without root: the systemd user manager, a supervisord that includes a folder of
// ours, or cron. Not thread-safe: runs programs and changes the environment they see.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "keep/site.hpp"

namespace microtome::keep {

struct Keepers {
  // For each keeper: can it be used here, and if not, or only half, why, in words.
  struct One {
    std::string name;
    bool usable = false;
    std::string says;
  };
  std::vector<One> all;  // best first
};

// Looks without changing anything, except that lingering is asked for when `may_linger`.
[[nodiscard]] Keepers look_for_keepers(bool may_linger);

// Registers the site with `keeper` ("systemd", "supervisord", "cron", "none"; "auto": the best usable) and takes it
// away from any other one. Idempotent. systemd and supervisord start it at once. site.keeper is set; returns what
// remains to be said. `program`: the path of microtome-keep, or of microtome.
[[nodiscard]] Result<std::vector<std::string>> install(Site& site, const std::string& keeper,
                                                       const std::string& program);

// Takes it away from all keepers. Systemd and supervisord also stop it. Returns what remains to be said.
[[nodiscard]] std::vector<std::string> uninstall(const Site& site);

// Lines of the user's crontab, other than ours, that bring it up: those would do so after `down`, too.
[[nodiscard]] std::vector<std::string> foreign_cron_lines(const Site& site);

// It is registered where its record says. (One program run: some ms.)
[[nodiscard]] bool registered(const Site& site);

}  // namespace microtome::keep
