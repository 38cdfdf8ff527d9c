// SPDX-License-Identifier: Apache-2.0
// What a stranger needs to know about this place before a site is up, in words. Runs programs, opens a port for a
// moment; not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "keep/host_process.hpp"
#include "keep/site.hpp"

namespace microtome::keep {

struct Finding {
  enum class Level { good, remark, bad };
  Level level = Level::good;
  std::string about;   // "cron", "open files", ...
  std::string says;    // what was found
  std::string advice;  // what to do; empty when nothing
};

// The machine and the account: versions, clock, limits, disk, keepers.
[[nodiscard]] std::vector<Finding> examine_place(const Programs& programs);
// A site: configuration, pictures, address, whether it answers.
[[nodiscard]] std::vector<Finding> examine_site(const Site& site, const Programs& programs);
// The way from the public URL to `address` (host:port or unix:/path): is it reachable, is the path taken off, which
// headers come. Where nobody listens there we do for a moment and see the request itself; where the site runs only
// its answer can be seen.
[[nodiscard]] std::vector<Finding> examine_way(const std::string& public_url, const std::string& address);

// What the head of a request that came through a front-end tells. `asked`: the path that was asked for in public.
[[nodiscard]] std::vector<Finding> read_head(const std::string& head, const std::string& asked);

}  // namespace microtome::keep
