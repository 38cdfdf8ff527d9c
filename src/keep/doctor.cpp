// SPDX-License-Identifier: Apache-2.0
#include "keep/doctor.hpp"

#include <gnu/libc-version.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>

#include "base/outer_limits.hpp"
#include "keep/command.hpp"
#include "keep/keepers.hpp"
#include "keep/lock.hpp"
#include "keep/probe.hpp"
#include "keep/text.hpp"

namespace microtome::keep {
namespace {

using Level = Finding::Level;
using namespace std::chrono_literals;

std::string mib(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

Finding versions(const Programs& programs) {
  utsname system{};
  uname(&system);
  const auto host = run_command({programs.host, "-v"});
  const std::string expected = std::string("microtome-host/") + MICROTOME_VERSION;
  Finding finding{Level::good, "versions",
                  std::string("microtome " MICROTOME_VERSION ", glibc ") + gnu_get_libc_version() + ", " +
                      system.sysname + ' ' + system.release,
                  ""};
  if (trimmed(host.output) != expected) {
    finding.level = Level::bad;
    finding.advice = host.status == 127 || host.output.empty()
                         ? programs.host + " is not there or cannot be run: keep the programs together"
                         : programs.host + " is of another version (" + trimmed(host.output) + ")";
  }
  return finding;
}

Finding clock_is_sane() {
  struct stat self{};
  const std::time_t now = std::time(nullptr);
  Finding finding{Level::good, "clock", "", ""};
  std::tm parts{};
  char text[32] = {};
  gmtime_r(&now, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  finding.says = text;
  if (stat("/proc/self/exe", &self) == 0 && now + 86400 < self.st_mtime) {
    finding.level = Level::bad;
    finding.advice =
        "that is before this program was made: browsers will not believe dates, TLS fails; set the clock";
  }
  return finding;
}

void limits(std::vector<Finding>& findings) {
  const OuterLimits found = outer_limits();
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const bool few = files.rlim_max < 1024;
  findings.push_back({few ? Level::remark : Level::good, "open files",
                      std::to_string(files.rlim_cur) + " (could be " + std::to_string(files.rlim_max) + ')',
                      few ? "enough for about " + std::to_string(files.rlim_max / 4) + " visitors at a time" : ""});
  const bool tight = found.memory < (256U << 20);
  findings.push_back(
      {tight ? Level::remark : Level::good, "memory", mib(found.memory) + " (" + found.memory_from + ')',
       tight ? "caches are made smaller; large pictures without a pyramid may be refused: import them" : ""});
  if (found.processes != 0) {
    const bool tiny = found.processes < 20;
    findings.push_back({tiny ? Level::remark : Level::good, "processes", std::to_string(found.processes) + " for you",
                        tiny ? "the site needs 3 processes and some threads" : ""});
  }
}

void places(std::vector<Finding>& findings) {
  bool found = false;
  for (const std::string& base : bases()) {
    const bool there = access(base.c_str(), F_OK) == 0;
    const std::string where = there ? base : base.substr(0, base.rfind('/'));
    struct stat folder{};
    struct statvfs disk{};
    if (access(where.c_str(), W_OK | X_OK) != 0 || stat(where.c_str(), &folder) != 0 ||
        statvfs(where.c_str(), &disk) != 0) {
      findings.push_back(
          {Level::remark, "files", base + " cannot be written", found ? "" : "the next place is tried"});
      continue;
    }
    if (there && (folder.st_mode & 0022) != 0) {
      findings.push_back({Level::bad, "files", base + " can be written by others", "chmod 700 " + base});
      continue;
    }
    const std::uint64_t space = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    const bool full = space < (16U << 20);
    findings.push_back({full ? Level::bad : Level::good, "files", base + ", " + mib(space) + " free",
                        full ? "make room: logs cannot be written, and a new site cannot be set up" : ""});
    found = true;
    break;
  }
  if (!found) {
    findings.push_back(
        {Level::bad, "files", "nothing can be written anywhere", "set MICROTOME_HOME to a folder of yours"});
  }
}

void keepers(std::vector<Finding>& findings) {
  bool any = false;
  for (const auto& one : look_for_keepers(false).all) {
    findings.push_back({one.usable ? Level::good : Level::remark, one.name, one.says, ""});
    any = any || one.usable;
  }
  if (!any) {
    findings.push_back({Level::bad, "keeper", "nothing here starts a site again after a reboot",
                        "have `microtome up` run at boot and every minute by whatever this place offers"});
  }
}

void address_findings(const std::string& address, std::vector<Finding>& findings) {
  if (address.starts_with('/')) {
    return;
  }
  if (address.starts_with("0.0.0.0:") || address.starts_with("[::]:")) {
    findings.push_back(
        {Level::remark, "address", address + " takes connections from everywhere",
         "right where the front-end is on another machine or network namespace (Uberspace, containers); "
         "elsewhere listen on 127.0.0.1, else others can pass by the front-end"});
  } else if (address.starts_with("127.") || address.starts_with("[::1]")) {
    findings.push_back(
        {Level::good, "address", address + " is reached from this machine only",
         "a front-end in another network namespace (Uberspace) cannot reach it: use --listen 0.0.0.0:PORT there"});
  }
}

// What of a site's source we may not read; empty when all is well.
std::string unreadable(const Site& site) {
  std::error_code fault;
  if (access(site.source.c_str(), site.folder ? R_OK | X_OK : R_OK) != 0) {
    return site.source;
  }
  int looked = 0;
  if (site.folder) {
    for (std::filesystem::recursive_directory_iterator at(site.source, fault), end; at != end && looked < 10000;
         at.increment(fault), ++looked) {
      if (fault || access(at->path().c_str(), at->is_directory(fault) ? R_OK | X_OK : R_OK) != 0) {
        return at->path().string();
      }
    }
  }
  return fault ? fault.message() : "";
}

}  // namespace

std::vector<Finding> examine_place(const Programs& programs) {
  std::vector<Finding> findings{versions(programs), clock_is_sane()};
  limits(findings);
  places(findings);
  keepers(findings);
  return findings;
}

std::vector<Finding> examine_site(const Site& site, const Programs& programs) {
  std::vector<Finding> findings;
  const auto checked = run_command({programs.host, "-tt", "-f", site.config()});
  findings.push_back({checked.status == 0 ? Level::good : Level::bad, "configuration",
                      checked.status == 0 ? site.config() + " is good" : trimmed(checked.errors), ""});
  if (const std::string path = unreadable(site); !path.empty()) {
    findings.push_back({Level::bad, "permissions", "you may not read " + path, "chmod u+r (folders: u+rx) it"});
  } else {
    findings.push_back({Level::good, "permissions", "all of " + site.source + " can be read", ""});
  }
  if (!is_locked(site.lock())) {
    const History history = read_history(site);
    findings.push_back({Level::bad, "site",
                        "it does not run" + (history.errors.empty() ? "" : ": " + history.errors.back()),
                        "microtome up " + site.word()});
    return findings;
  }
  const Running running = read_running(site);
  for (const std::string& address : running.addresses) {
    if (address == site.control()) {
      continue;
    }
    const Answer health = ask(address, "GET", "/healthz", 5s);
    findings.push_back({health.status == 200 ? Level::good
                        : health.status != 0 ? Level::remark
                                             : Level::bad,
                        "site",
                        address + (health.status != 0 ? " answers " + std::to_string(health.status) + " to /healthz"
                                                      : " does not answer: " + health.fault),
                        health.status == 0 ? "see `microtome logs`" : ""});
    address_findings(address, findings);
  }
  if (site.keeper.empty() || site.keeper == "none") {
    findings.push_back({Level::remark, "keeper", "nothing starts it after a reboot", "microtome up " + site.word()});
  } else if (!registered(site)) {
    findings.push_back(
        {Level::bad, "keeper", site.keeper + " does not know it any more", "microtome up " + site.word()});
  }
  return findings;
}

}  // namespace microtome::keep
