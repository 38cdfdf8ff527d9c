// SPDX-License-Identifier: Apache-2.0
// Supervisor: all apps of a host. Apps that a new configuration names unchanged keep running. Loop thread only.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/app.hpp"

namespace microtome::host {

class Supervisor {
 public:
  explicit Supervisor(AppContext context) : context_(std::move(context)) {}

  // Takes over what runs, opens what is new. On failure nothing has changed. The apps that are no longer named go on
  // until retire() is called. Entries of one address share an app: the first says how it is started.
  Result<void> configure(const std::vector<AppSpec>& specs);
  // Starts the processes of apps that are new since configure().
  void start();
  // Ends apps that are no longer named, when their requests are answered.
  void retire(std::chrono::milliseconds grace);
  // Ends all; `done` is called when no process is left.
  void stop(std::chrono::milliseconds grace, std::function<void()> done);

  [[nodiscard]] std::shared_ptr<App> find(const AppSpec& spec) const;
  // Listening sockets of an earlier process of this program, by address; to be set before configure().
  void inherit(std::vector<std::pair<std::string, int>> sockets) { inherited_ = std::move(sockets); }
  // Somebody else takes the names of all sockets.
  void superseded();
  [[nodiscard]] bool owns(int process) const;  // it is a process of one of our apps
  [[nodiscard]] const std::vector<std::shared_ptr<App>>& apps() const { return apps_; }
  [[nodiscard]] AppContext& context() { return context_; }

 private:
  Result<std::shared_ptr<App>> open(const AppSpec& spec);
  AppContext context_;
  std::vector<std::pair<std::string, int>> inherited_;
  std::vector<std::shared_ptr<App>> apps_;
  std::vector<std::shared_ptr<App>> fresh_;
  std::vector<std::shared_ptr<App>> old_;  // named no more, not yet retired
  std::vector<std::weak_ptr<App>> retired_;
};

}  // namespace microtome::host
