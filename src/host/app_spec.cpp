// SPDX-License-Identifier: Apache-2.0
#include "host/app_spec.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "host/directives.hpp"

namespace microtome::host {
namespace {

constexpr std::size_t kMaxSocketPath = 101;  // of 107, less "-0.new"

std::vector<std::string> split_blanks(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    if (end > 0) {
      words.emplace_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::vector<std::string> strings(const Value& value) {
  std::vector<std::string> list;
  for (const Entry& entry : value.list()) {
    list.push_back(entry.value.text());
  }
  return list;
}

bool is_target(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

class Reader {
 public:
  Reader(const Entry& backend, Protocol protocol, Diagnostics& diagnostics)
      : backend_(backend), keys_(backend.value.list()), diagnostics_(diagnostics) {
    app_.protocol = protocol;
    app_.keep = protocol == Protocol::fastcgi ? KeepConnections::ask : KeepConnections::never;
  }

  AppSpec run() {
    app_.label = backend_.key.value_or("");
    text("host", app_.host);
    number("port", app_.port);
    text("socket", app_.socket);
    processes();
    behaviour();
    timeouts();
    check();
    if (app_.label.empty()) {
      app_.label = app_.address();
    }
    return std::move(app_);
  }

 private:
  void processes() {
    if (const Value* command = find("bin-path")) {
      app_.command = split_blanks(command->text());
    }
    if (const Value* environment = find("bin-environment")) {
      for (const Entry& entry : environment->list()) {
        const Value& content = entry.value;
        app_.environment.emplace_back(*entry.key,
                                      content.is_text() ? content.text() : std::to_string(content.number()));
      }
    }
    if (const Value* copied = find("bin-copy-environment")) {
      app_.copy_environment = strings(*copied);
    }
    number("min-procs", app_.min_processes);
    number("max-procs", app_.max_processes);
    if (find("min-procs") != nullptr && find("max-procs") == nullptr) {
      app_.max_processes = std::max(app_.max_processes, app_.min_processes);
    }
    app_.min_processes = std::min(app_.min_processes, app_.max_processes);
    number("max-load-per-proc", app_.max_load);
    seconds("idle-timeout", app_.idle_timeout);
    seconds("disable-time", app_.disable_time);
    number("listen-backlog", app_.backlog);
    number("kill-signal", app_.kill_signal);
    number("max-requests", app_.max_requests);
    number("max-memory", app_.max_memory);
    text("error-log", app_.error_log);
  }

  void behaviour() {
    if (const Value* mode = find("mode")) {
      if (mode->text() == "authorizer") {
        app_.role = Role::authorizer;
      } else if (mode->text() != "responder") {
        diagnostics_.error(mode->place, "\"mode\" is \"responder\" or \"authorizer\"");
      }
    }
    text("docroot", app_.docroot);
    boolean("check-local", app_.check_local);
    boolean("broken-scriptfilename", app_.broken_script_filename);
    boolean("fix-root-scriptname", app_.fix_root_script_name);
    text("strip-request-uri", app_.strip_request_uri);
    boolean("allow-x-send-file", app_.send_file);
    boolean("x-sendfile", app_.send_file);
    if (const Value* roots = find("x-sendfile-docroot")) {
      app_.send_file_roots = strings(*roots);
    }
    if (const Value* keep = find("keep-connections")) {
      if (keep->text() == "disable") {
        app_.keep = KeepConnections::never;
      } else if (const auto count = as_number(*keep); count && *count > 0) {
        app_.keep = KeepConnections::fixed;
        app_.keep_connections = static_cast<int>(*count);
      } else if (keep->text() != "auto") {
        diagnostics_.error(keep->place, "\"keep-connections\" is \"auto\", \"disable\" or a number in quotes");
      }
    }
  }

  void timeouts() {
    seconds("connect-timeout", app_.connect_timeout);
    seconds("read-timeout", app_.read_timeout);
    seconds("write-timeout", app_.write_timeout);
    seconds("queue-wait", app_.queue_wait);
    number("queue-length", app_.queue_length);
    text("health-path", app_.health_path);
    seconds("health-interval", app_.health_interval);
  }

  void check() {
    const Place place = backend_.place;
    const Value* socket = find("socket");
    if (socket != nullptr && find("port") != nullptr) {
      diagnostics_.error(socket->place, "a backend has a \"socket\" or a \"port\", not both");
    }
    if (socket != nullptr && (app_.socket.empty() || app_.socket.size() > kMaxSocketPath)) {
      diagnostics_.error(socket->place, "the path of a socket has 1 to " + std::to_string(kMaxSocketPath) + " bytes");
    }
    if (socket == nullptr && find("host") == nullptr && find("port") == nullptr) {
      diagnostics_.error(place, "a backend needs a \"socket\", or a \"host\" and \"port\"");
    }
    if (app_.port < 1 || app_.port > 65535) {
      diagnostics_.error(place, "a port is a number from 1 to 65535");
    }
    if (app_.protocol == Protocol::http && app_.ours()) {
      diagnostics_.error(place, "\"bin-path\" starts FastCGI and SCGI apps only");
    }
    if (!app_.health_path.empty() && (!app_.health_path.starts_with('/') || !is_target(app_.health_path))) {
      diagnostics_.error(place, "\"health-path\" is a path as in a request, like \"/healthz\"");
    }
    if (find("bin-path") != nullptr && app_.command.empty()) {
      diagnostics_.error(place, "\"bin-path\" is empty");
    }
    if (app_.ours() && app_.max_processes < 1) {
      diagnostics_.error(place, "\"max-procs\" is at least 1");
    }
    if (app_.kill_signal < 1 || app_.kill_signal > 64) {
      diagnostics_.error(place, "\"kill-signal\" is the number of a signal, 1 to 64");
    }
  }

  const Value* find(std::string_view key) const { return find_key(keys_, key); }
  void text(std::string_view key, std::string& out) {
    if (const Value* value = find(key)) {
      out = value->text();
    }
  }
  void number(std::string_view key, int& out) {
    if (const Value* value = find(key)) {
      out = static_cast<int>(as_number(*value).value_or(out));
    }
  }
  void boolean(std::string_view key, bool& out) {
    if (const Value* value = find(key)) {
      out = as_boolean(*value).value_or(out);
    }
  }
  void seconds(std::string_view key, std::chrono::seconds& out) {
    int count = static_cast<int>(out.count());
    number(key, count);
    out = std::chrono::seconds(count);
  }

  const Entry& backend_;
  const List& keys_;
  Diagnostics& diagnostics_;
  AppSpec app_;
};

}  // namespace

std::string AppSpec::address() const {
  return !socket.empty() ? "unix:" + socket : host + ':' + std::to_string(port);
}

bool AppSpec::same_processes(const AppSpec& other) const {
  AppSpec same = other;
  same.label = label;
  same.role = role;
  same.docroot = docroot;
  same.check_local = check_local;
  same.broken_script_filename = broken_script_filename;
  same.fix_root_script_name = fix_root_script_name;
  same.strip_request_uri = strip_request_uri;
  same.send_file = send_file;
  same.send_file_roots = send_file_roots;
  return same == *this;
}

std::vector<AppRoute> read_routes(const Value& value, Protocol protocol, Diagnostics& diagnostics) {
  std::vector<AppRoute> routes;
  for (const Entry& line : value.list()) {
    AppRoute route{line.key.value_or("/"), {}};
    for (const Entry& backend : line.value.list()) {
      if (backend.value.is_list()) {
        route.apps.push_back(Reader(backend, protocol, diagnostics).run());
      }
    }
    if (route.apps.empty()) {
      diagnostics.error(line.place, "\"" + route.key + "\" has no backend");
    }
    const auto same = std::ranges::find(routes, route.key, &AppRoute::key);
    if (same != routes.end()) {
      std::ranges::move(route.apps, std::back_inserter(same->apps));
    } else {
      routes.push_back(std::move(route));
    }
  }
  return routes;
}

bool route_matches(std::string_view key, std::string_view path, bool by_prefix) {
  const bool prefix = key.starts_with('/');
  return prefix == by_prefix && (prefix ? path.starts_with(key) : path.ends_with(key));
}

}  // namespace microtome::host
