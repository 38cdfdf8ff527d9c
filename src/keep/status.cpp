// SPDX-License-Identifier: Apache-2.0
#include "keep/status.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "keep/host_process.hpp"
#include "keep/keepers.hpp"
#include "keep/lock.hpp"
#include "keep/probe.hpp"
#include "keep/text.hpp"

namespace microtome::keep {
namespace {

using namespace std::chrono_literals;

std::string proc(int pid, const char* leaf) {
  return read_text("/proc/" + std::to_string(pid) + '/' + leaf, 1 << 16).value_or("");
}

// Since it was started, from the kernel's ticks since boot: setting the clock does not change it.
double age_of(int pid) {
  const std::string stat = proc(pid, "stat");
  const std::size_t name = stat.rfind(')');
  if (name == std::string::npos) {
    return 0;
  }
  // Behind the name: state, and 18 numbers before the start time.
  const char* at = stat.c_str() + name + 2;
  for (int field = 3; field < 22 && *at != 0; ++at) {
    field += *at == ' ' ? 1 : 0;
  }
  const double started = std::strtod(at, nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return std::strtod(read_text("/proc/uptime", 64).value_or("0").c_str(), nullptr) - started;
}

long long memory_of(int pid, int depth = 0) {
  long long kib = 0;
  const std::string rollup = proc(pid, "smaps_rollup");
  if (const std::size_t at = rollup.find("\nPss:"); at != std::string::npos) {
    kib = std::atoll(rollup.c_str() + at + 5);
  }
  long long sum = kib << 10;
  const std::string leaf = "task/" + std::to_string(pid) + "/children";
  const std::string children = proc(pid, leaf.c_str());
  const char* at = children.c_str();
  char* end = nullptr;
  for (long child = std::strtol(at, &end, 10); depth < 4 && end != at; child = std::strtol(at, &end, 10)) {
    sum += memory_of(static_cast<int>(child), depth + 1);
    at = end;
  }
  return sum;
}

// The value behind the first "key": in JSON that we wrote ourselves; -1 where there is none.
double number_in(const std::string& json, const std::string& key) {
  const std::size_t at = json.find('"' + key + "\":");
  return at == std::string::npos ? -1 : std::strtod(json.c_str() + at + key.size() + 3, nullptr);
}

void ask_host(Status& status) {
  if (status.running.addresses.empty()) {
    status.state = "starting";
    return;
  }
  const auto before = std::chrono::steady_clock::now();
  const auto& all = status.running.addresses;
  const auto theirs = std::ranges::find_if(all, [&](const auto& each) { return each != status.site.control(); });
  Answer health = ask(theirs != all.end() ? *theirs : all.front(), "GET", "/healthz", 3s);
  status.health = health.status;
  if (health.status != 0) {
    status.latency_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count();
  }
  if (health.status == 200 && health.body.starts_with('{')) {
    status.app_health = trimmed(health.body);
  }
  status.state = health.status != 0 || answers(status.running, 2s) ? "running" : "not answering";
  if (access(status.site.control().c_str(), F_OK) == 0) {
    const Answer page = ask(status.site.control(), "GET", "/-/status?json", 2s);
    status.host_status = page.status == 200 ? trimmed(page.body) : "";
  }
}

std::string keeper_text(const Status& status) {
  if (status.site.keeper.empty() || status.site.keeper == "none") {
    return "nothing starts it after a reboot";
  }
  return status.site.keeper +
         (status.keeper_there ? "" : " (which does not know it any more: run `microtome up` again)");
}

std::string format(const char* pattern, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), pattern, value);  // NOLINT: patterns are literals of this file
  return text.data();
}

}  // namespace

Status status_of(const Site& site) {
  Status status;
  status.site = site;
  status.history = read_history(site);
  status.guarded = is_locked(site.guard()) || site.keeper == "systemd" || site.keeper == "supervisord";
  status.keeper_there = registered(site);
  if (!is_locked(site.lock())) {
    status.state = access(site.down().c_str(), F_OK) == 0 ? "stopped"
                   : status.history.failures > 0          ? "failing"
                                                          : "not running";
    return status;
  }
  status.running = read_running(site);
  const auto pids = host_pids(site);
  if (pids.empty()) {
    status.state = "starting";
    return status;
  }
  status.running.pid = pids.front();
  status.uptime = age_of(pids.front());
  status.memory = memory_of(pids.front());
  ask_host(status);
  return status;
}

std::string as_text(const Status& status) {
  std::string text = status.site.source + ": " + status.state;
  if (status.running.pid > 0) {
    text += " for " + duration_text(status.uptime) + ", process " + std::to_string(status.running.pid);
  }
  text += '\n';
  for (const std::string& address : status.running.addresses) {
    if (address != status.site.control()) {
      text += "  address    " + url_of(address) + '\n';
    }
  }
  text += "  kept by    " + keeper_text(status) + '\n';
  text += "  starts     " + std::to_string(status.history.starts) +
          (status.history.failures > 0 ? ", the last " + std::to_string(status.history.failures) + " failed" : "") +
          '\n';
  if (status.running.pid > 0) {
    text += "  memory     " + format("%.1f MiB", static_cast<double>(status.memory) / (1 << 20)) + '\n';
    text += "  health     " +
            (status.health == 0 ? "no answer"
                                : std::to_string(status.health) + format(" in %.1f ms", status.latency_ms)) +
            '\n';
  }
  const double queued = number_in(status.host_status, "queued");
  if (queued >= 0) {
    text += "  queue      " + format("%.0f waiting", queued) +
            format(", %.0f in work", number_in(status.host_status, "load")) +
            format(", %.0f answered", number_in(status.host_status, "requests")) + '\n';
    text += "  app        " + format("%.0f starts", number_in(status.host_status, "starts")) +
            format(", %.0f deaths", number_in(status.host_status, "deaths")) + '\n';
  }
  for (const std::string& error : status.history.errors) {
    text += "  error      " + error + '\n';
  }
  return text + "  files      " + status.site.dir + '\n';
}

std::string as_json(const Status& status) {
  std::string addresses;
  for (const std::string& address : status.running.addresses) {
    if (address != status.site.control()) {
      addresses += (addresses.empty() ? "" : ",") + json_text(url_of(address));
    }
  }
  std::string errors;
  for (const std::string& error : status.history.errors) {
    errors += (errors.empty() ? "" : ",") + json_text(error);
  }
  const double queued = number_in(status.host_status, "queued");
  return "{\"source\":" + json_text(status.site.source) + ",\"state\":" + json_text(status.state) +
         ",\"addresses\":[" + addresses + "],\"pid\":" + std::to_string(status.running.pid) +
         ",\"uptime_s\":" + format("%.1f", status.uptime) + ",\"keeper\":" + json_text(status.site.keeper) +
         ",\"registered\":" + (status.keeper_there ? "true" : "false") +
         ",\"guarded\":" + (status.guarded ? "true" : "false") +
         ",\"starts\":" + std::to_string(status.history.starts) +
         ",\"restarts\":" + std::to_string(std::max(0LL, status.history.starts - 1)) +
         ",\"failures\":" + std::to_string(status.history.failures) +
         ",\"memory_bytes\":" + std::to_string(status.memory) +
         ",\"queue\":" + (queued >= 0 ? format("%.0f", queued) : "null") +
         ",\"latency_ms\":" + (status.latency_ms >= 0 ? format("%.2f", status.latency_ms) : "null") +
         ",\"health\":" + std::to_string(status.health) + ",\"errors\":[" + errors + "]" +
         ",\"config\":" + json_text(status.site.config()) + ",\"files\":" + json_text(status.site.dir) +
         ",\"log\":" + json_text(status.running.log.empty() ? status.site.log() : status.running.log) +
         ",\"host\":" + (status.host_status.empty() ? "null" : status.host_status) +
         ",\"app\":" + (status.app_health.empty() ? "null" : status.app_health) + "}";
}

}  // namespace microtome::keep
