// SPDX-License-Identifier: Apache-2.0
// What a configuration says about one backend: an entry of fastcgi.server, scgi.server or proxy.server. Values;
// thread-safe to share.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/config_tree.hpp"

namespace microtome::host {

enum class Protocol { fastcgi, http, scgi };  // scgi: or uwsgi, which the request decides
enum class Role { responder, authorizer };
enum class KeepConnections { ask, never, fixed };

struct AppSpec {
  Protocol protocol = Protocol::fastcgi;
  std::string label;  // for logs and the status page: the entry's own name, or where it listens

  // Where it listens: a unix socket (socket not empty), else host:port.
  std::string host = "127.0.0.1";
  int port = 80;
  std::string socket;

  // What to start: program and arguments. Empty: the app runs by itself.
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<std::vector<std::string>> copy_environment;  // none: everything we have
  int min_processes = 4;
  int max_processes = 4;
  int max_load = 1;
  std::chrono::seconds idle_timeout{60};
  std::chrono::seconds disable_time{1};
  int backlog = 1024;
  int kill_signal = 15;
  int max_requests = 0;  // 0: no limit
  int max_memory = 0;    // MiB of resident memory, 0: no limit
  std::string error_log;

  Role role = Role::responder;
  std::string docroot;  // empty: as ours
  bool check_local = true;
  bool broken_script_filename = false;
  bool fix_root_script_name = false;
  std::string strip_request_uri;
  bool send_file = false;
  std::vector<std::string> send_file_roots;

  std::chrono::seconds connect_timeout{8};
  std::chrono::seconds read_timeout{30};  // 0: none
  std::chrono::seconds write_timeout{0};
  std::chrono::seconds queue_wait{5};
  int queue_length = 1024;
  std::string health_path;  // asked for now and then; empty: nothing is
  std::chrono::seconds health_interval{5};
  KeepConnections keep = KeepConnections::ask;
  int keep_connections = 0;  // KeepConnections::fixed: per process

  [[nodiscard]] bool ours() const { return !command.empty(); }  // we start and end its processes
  // "unix:/path" or "host:port": two entries of one address mean the same processes.
  [[nodiscard]] std::string address() const;
  // Equal but for what is decided request by request (mode, check-local, docroot, ...).
  [[nodiscard]] bool same_processes(const AppSpec& other) const;
  friend bool operator==(const AppSpec&, const AppSpec&) = default;
};

// One line of fastcgi.server: "/prefix" or ".ext" and its backends.
struct AppRoute {
  std::string key;
  std::vector<AppSpec> apps;
};

// Reads the value of fastcgi.server or proxy.server, which check_directives() has passed. Reports what does not go
// together.
[[nodiscard]] std::vector<AppRoute> read_routes(const Value& value, Protocol protocol, Diagnostics& diagnostics);

// True when `path` (decoded, without query) belongs to the route's key: keys that begin with "/" are prefixes, others
// ends. `by_prefix` tells which of the two passes is meant.
[[nodiscard]] bool route_matches(std::string_view key, std::string_view path, bool by_prefix);

}  // namespace microtome::host
