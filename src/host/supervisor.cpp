// SPDX-License-Identifier: Apache-2.0
#include "host/supervisor.hpp"

#include <algorithm>
#include <utility>

namespace microtome::host {

std::shared_ptr<App> Supervisor::find(const AppSpec& spec) const {
  const auto found = std::find_if(apps_.begin(), apps_.end(), [&](const auto& app) { return app->spec() == spec; });
  return found != apps_.end() ? *found : nullptr;
}

Result<void> Supervisor::configure(const std::vector<AppSpec>& specs) {
  std::vector<std::shared_ptr<App>> apps;
  std::vector<std::shared_ptr<App>> fresh;
  for (const AppSpec& spec : specs) {
    if (auto running = find(spec)) {
      apps.push_back(std::move(running));
      continue;
    }
    auto app = std::make_shared<App>(spec, context_);
    if (spec.protocol == Protocol::fastcgi || !spec.ours()) {
      if (auto opened = app->open(); !opened) {
        return pass(opened.error());
      }
    }
    fresh.push_back(app);
    apps.push_back(std::move(app));
  }
  for (const auto& app : apps_) {
    if (std::find(apps.begin(), apps.end(), app) == apps.end()) {
      old_.push_back(app);
    }
  }
  apps_ = std::move(apps);
  fresh_ = std::move(fresh);
  return {};
}

void Supervisor::start() {
  for (const auto& app : std::exchange(fresh_, {})) {
    app->start();
  }
}

void Supervisor::retire(std::chrono::milliseconds grace) {
  for (const auto& app : std::exchange(old_, {})) {
    retired_.push_back(app);
    app->stop(grace, [app] {});
  }
}

bool Supervisor::owns(int process) const {
  const auto has = [process](const App& app) {
    return std::any_of(app.slots().begin(), app.slots().end(),
                       [process](const auto& slot) { return slot->child && slot->child->pid() == process; });
  };
  return std::any_of(apps_.begin(), apps_.end(), [&](const auto& app) { return has(*app); }) ||
         std::any_of(old_.begin(), old_.end(), [&](const auto& app) { return has(*app); }) ||
         std::any_of(retired_.begin(), retired_.end(), [&](const auto& weak) {
           const auto app = weak.lock();
           return app && has(*app);
         });
}

void Supervisor::stop(std::chrono::milliseconds grace, std::function<void()> done) {
  retire(grace);
  auto left = std::make_shared<std::size_t>(apps_.size());
  if (*left == 0) {
    return done();
  }
  const auto shared_done = std::make_shared<std::function<void()>>(std::move(done));
  for (const auto& app : apps_) {
    app->stop(grace, [left, shared_done] {
      if (--*left == 0) {
        (*shared_done)();
      }
    });
  }
}

}  // namespace microtome::host
