// SPDX-License-Identifier: Apache-2.0
// HostServer: the whole host: sockets, configuration, apps, logs. Built and run by one thread, which becomes the loop
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/work_pool.hpp"
#include "host/settings.hpp"
#include "host/successor.hpp"

namespace microtome::host {

struct HostOptions {
  ServerSettings settings;
  std::shared_ptr<Site> site;
  Log log;
  std::function<void(const std::string&)> app_log;  // lines of apps
  std::vector<std::string> environment;             // ours, for apps
  std::vector<int> inherited;                       // listening sockets of systemd
  std::chrono::seconds drain{30};
  std::chrono::seconds idle_exit{0};  // ends after that long without requests; 0: never
  // Reads the configuration again; without a site: messages were logged, and the old one stays.
  struct Reloaded {
    std::shared_ptr<Site> site;
    ServerSettings settings;
  };
  std::function<Reloaded()> reload;
  NamedSockets left;                 // by a predecessor: sockets of ours and of apps
  bool successor = false;            // a predecessor serves until `ready` was called
  std::vector<std::string> command;  // what starts a successor; empty: none can be
  std::function<void()> reopen_logs;
  std::function<void()> ready;  // all is open
};

class HostServer {
 public:
  virtual ~HostServer() = default;
  // Addresses really bound.
  [[nodiscard]] virtual std::vector<std::string> addresses() const = 0;
  // Until stopped by SIGTERM or SIGINT (finishes what runs; a second one ends at once). SIGHUP opens logs again,
  // SIGUSR1 reads the configuration again, SIGUSR2 starts the program anew and hands the sockets over.
  virtual void run() = 0;
  // A successor has taken over: files that others look for (the pid file) are its own now.
  [[nodiscard]] virtual bool succeeded() const = 0;
};

// Keeps the signals that a host listens to away from all threads. To be called before any thread is made.
void block_host_signals();

// Opens sockets and starts apps. Code::io with a clear sentence.
[[nodiscard]] Result<std::unique_ptr<HostServer>> make_host_server(HostOptions options, WorkPool& pool);

}  // namespace microtome::host
