// SPDX-License-Identifier: Apache-2.0
// HealthWatch: asks an app now and then whether it is well, with an ordinary request (the keys "health-path" and
// "health-interval"). So a process that hangs is found and replaced before somebody waits for it, and a server that
// answers 5xx or nothing comes last among several. Loop thread only.
#pragma once

#include <memory>
#include <vector>

#include "host/app.hpp"

namespace microtome::host {

class HealthWatch : public std::enable_shared_from_this<HealthWatch> {
 public:
  // Asks until the app ends. Nothing where the app has no health-path.
  static void begin(const std::shared_ptr<App>& app);

  explicit HealthWatch(std::weak_ptr<App> app) : app_(std::move(app)) {}

 private:
  class Probe;
  void ask_later();
  void ask();
  void answered(const Probe& probe, int status);
  std::weak_ptr<App> app_;
  std::vector<std::shared_ptr<Probe>> probes_;
};

}  // namespace microtome::host
