// SPDX-License-Identifier: Apache-2.0
#include "host/supervisor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "host/health.hpp"

namespace microtome::host {

namespace {

std::shared_ptr<App> by_address(const std::vector<std::shared_ptr<App>>& apps, const AppSpec& spec) {
  const std::string address = spec.address();
  const auto found = std::ranges::find_if(apps, [&](const auto& app) {
    return app->spec().protocol == spec.protocol && app->spec().address() == address;
  });
  return found != apps.end() ? *found : nullptr;
}

}  // namespace

std::shared_ptr<App> Supervisor::find(const AppSpec& spec) const {
  return by_address(apps_, spec);
}

// Opened and not yet settled.
Result<std::shared_ptr<App>> Supervisor::open(const AppSpec& spec) {
  auto app = std::make_shared<App>(spec, context_);
  auto opened = app->open([this](const std::string& address) {
    const auto same = [&](const auto& each) { return each.first == address; };
    if (const auto found = std::ranges::find_if(inherited_, same); found != inherited_.end()) {
      const int fd = found->second;
      inherited_.erase(found);
      return fd;
    }
    for (const auto& old : apps_) {
      const auto sockets = old->tcp_sockets();
      if (const auto found = std::ranges::find_if(sockets, same); found != sockets.end()) {
        return fcntl(found->second, F_DUPFD_CLOEXEC, 3);
      }
    }
    return -1;
  });
  if (!opened) {
    return pass(opened.error());
  }
  return app;
}

Result<void> Supervisor::configure(const std::vector<AppSpec>& specs) {
  std::vector<std::shared_ptr<App>> apps;
  std::vector<std::shared_ptr<App>> fresh;
  for (const AppSpec& spec : specs) {
    if (const auto shared = by_address(apps, spec)) {
      if (!shared->spec().same_processes(spec)) {
        context_.log.warning(spec.address() + " is named twice with other settings; the first ones count");
      }
      continue;
    }
    if (const auto running = by_address(apps_, spec); running && running->spec().same_processes(spec)) {
      apps.push_back(running);
      continue;
    }
    auto app = open(spec);
    if (!app) {
      return pass(app.error());
    }
    fresh.push_back(*app);
    apps.push_back(std::move(*app));
  }
  for (const auto& app : fresh) {
    if (const auto before = by_address(apps_, app->spec())) {
      before->superseded();
    }
    if (auto settled = app->settle(); !settled) {
      return settled;
    }
  }
  for (const auto& app : apps_) {
    if (std::ranges::find(apps, app) == apps.end()) {
      old_.push_back(app);
    }
  }
  apps_ = std::move(apps);
  fresh_ = std::move(fresh);
  for (const auto& [address, fd] : std::exchange(inherited_, {})) {
    close(fd);
  }
  return {};
}

void Supervisor::superseded() {
  for (const auto& app : apps_) {
    app->superseded();
  }
}

void Supervisor::start() {
  for (const auto& app : std::exchange(fresh_, {})) {
    app->start();
    HealthWatch::begin(app);
  }
}

void Supervisor::retire(std::chrono::milliseconds grace) {
  for (const auto& app : std::exchange(old_, {})) {
    retired_.push_back(app);
    app->retire(by_address(apps_, app->spec()), grace);
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
