// SPDX-License-Identifier: Apache-2.0
#include "apps/up/commands.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "apps/up/doctor_command.hpp"
#include "keep/keepers.hpp"
#include "keep/probe.hpp"
#include "keep/status.hpp"
#include "keep/text.hpp"
#include "keep/up.hpp"

namespace microtome::apps {
namespace {

using namespace std::chrono_literals;

constexpr int kFailed = 1;
constexpr int kUsageError = 2;
constexpr int kNotRunning = 3;

int complain(const Error& error) {
  std::fprintf(stderr, "microtome: %s\n", error.message.c_str());
  return error.code == Code::bad_request || error.code == Code::not_found ? kUsageError : kFailed;
}

struct Flags {
  keep::UpOptions up;
  std::vector<std::string> sources;
  bool no_install = false;
  bool foreground = false;
  bool tick = false;
  bool purge = false;
  bool json = false;
  bool follow = false;
  int lines = 40;
};

// What a command without arguments means: all sites that are known.
Result<std::vector<keep::Site>> sites_of(const std::vector<std::string>& sources) {
  std::vector<keep::Site> sites;
  for (const std::string& source : sources) {
    auto site = keep::find_site(source);
    if (!site) {
      return pass(site.error());
    }
    if (access((site->dir + "/site").c_str(), F_OK) != 0) {
      return fail(Code::not_found, "nothing was brought up for " + source);
    }
    sites.push_back(*site);
  }
  return sources.empty() ? keep::all_sites() : sites;
}

// Without an argument and without a known site: what lies here, as long as it is not a whole home.
Result<std::vector<std::string>> default_sources() {
  std::vector<std::string> sources;
  for (const keep::Site& site : keep::all_sites()) {
    sources.push_back(site.source);
  }
  if (!sources.empty()) {
    return sources;
  }
  std::error_code fault;
  const auto here = std::filesystem::current_path(fault);
  if (std::filesystem::exists(here / "lighttpd.conf", fault)) {
    return std::vector<std::string>{(here / "lighttpd.conf").string()};
  }
  return fail(Code::bad_request, "say what to bring up: microtome up DIR, or microtome up lighttpd.conf");
}

int up_one(keep::UpOptions options, const keep::Programs& programs) {
  const auto report = keep::bring_up(options, programs);
  if (!report) {
    return complain(report.error());
  }
  for (const std::string& note : report->notes) {
    std::fprintf(stderr, "microtome: %s\n", note.c_str());
  }
  std::string where;
  for (const std::string& address : report->running.addresses) {
    if (address != report->site.control()) {
      where += (where.empty() ? "" : ", ") + keep::url_of(address);
    }
  }
  const std::string& keeper = report->site.keeper;
  std::printf("%s %s\n  %s\n  kept by %s; microtome status, logs, down tell and do the rest\n",
              report->was_running ? "runs already:" : "running:", report->site.source.c_str(),
              where.empty() ? "(no address known yet)" : where.c_str(),
              keeper == "none" ? "nothing after a reboot (not registered)" : keeper.c_str());
  return 0;
}

int up(Flags flags) {
  const keep::Programs programs = keep::find_programs();
  std::vector<std::string> sources = flags.sources;
  if (sources.empty()) {
    auto found = default_sources();
    if (!found) {
      return complain(found.error());
    }
    sources = *found;
  }
  if (flags.foreground) {
    flags.up.source = sources.front();
    const auto ended = keep::stay_in_foreground(flags.up, programs);
    return ended ? 0 : complain(ended.error());
  }
  if (flags.no_install) {
    flags.up.keeper = "none";
  }
  int worst = 0;
  for (const std::string& source : sources) {
    flags.up.source = source;
    if (flags.tick) {
      const auto done = keep::tick(source, programs);
      worst = std::max(worst, done ? 0 : complain(done.error()));
    } else {
      worst = std::max(worst, up_one(flags.up, programs));
    }
  }
  return worst;
}

int down(const Flags& flags) {
  const auto sites = sites_of(flags.sources);
  if (!sites) {
    return complain(sites.error());
  }
  int worst = 0;
  for (const keep::Site& site : *sites) {
    const auto report = keep::bring_down(site, flags.purge);
    if (!report) {
      worst = std::max(worst, complain(report.error()));
      continue;
    }
    for (const std::string& note : report->notes) {
      std::fprintf(stderr, "microtome: %s\n", note.c_str());
    }
    std::printf("%s %s%s\n", report->was_running ? "stopped:" : "was not running:", site.source.c_str(),
                flags.purge ? "; everything written for it is removed" : "");
  }
  return worst;
}

int status(const Flags& flags) {
  const auto sites = sites_of(flags.sources);
  if (!sites) {
    return complain(sites.error());
  }
  std::string json;
  bool all_run = true;
  for (const keep::Site& site : *sites) {
    const keep::Status found = keep::status_of(site);
    all_run = all_run && found.state == "running";
    if (flags.json) {
      json += (json.empty() ? "" : ",") + keep::as_json(found);
    } else {
      std::fputs(keep::as_text(found).c_str(), stdout);
    }
  }
  if (flags.json) {
    std::printf("{\"sites\":[%s]}\n", json.c_str());
  } else if (sites->empty()) {
    std::puts("nothing was brought up");
  }
  return all_run ? 0 : kNotRunning;
}

int reload(const Flags& flags) {
  const auto sites = sites_of(flags.sources);
  if (!sites) {
    return complain(sites.error());
  }
  int worst = 0;
  for (const keep::Site& site : *sites) {
    const auto done = keep::reload(site, keep::find_programs());
    worst = std::max(worst, done ? 0 : complain(done.error()));
    if (done) {
      std::printf("reads its configuration again: %s\n", site.source.c_str());
    }
  }
  return worst;
}

// Prints what is appended, until a signal comes. A log that shrinks was begun anew.
[[noreturn]] void follow(const std::string& path) {
  struct stat found{};
  off_t at = stat(path.c_str(), &found) == 0 ? found.st_size : 0;
  for (;;) {
    if (stat(path.c_str(), &found) == 0 && found.st_size != at) {
      at = found.st_size < at ? 0 : at;
      const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
      std::array<char, 16384> part;
      for (ssize_t count = 0; fd >= 0 && (count = pread(fd, part.data(), part.size(), at)) > 0; at += count) {
        if (write(STDOUT_FILENO, part.data(), static_cast<std::size_t>(count)) < 0) {
          std::_Exit(0);
        }
      }
      close(fd);
    }
    std::this_thread::sleep_for(200ms);
  }
}

int logs(const Flags& flags) {
  const auto sites = sites_of(flags.sources);
  if (!sites) {
    return complain(sites.error());
  }
  if (sites->empty()) {
    return complain({Code::not_found, "nothing was brought up", ""});
  }
  for (const keep::Site& site : *sites) {
    const std::string own = keep::read_running(site).log;
    const std::string path = own.empty() ? site.log() : own;
    if (sites->size() > 1) {
      std::printf("== %s\n", site.source.c_str());
    }
    const auto lines = keep::lines_of(keep::read_tail(path, 1 << 18));
    const auto count = std::min(lines.size(), static_cast<std::size_t>(flags.lines));
    std::for_each(lines.end() - static_cast<std::ptrdiff_t>(count), lines.end(),
                  [](const std::string& line) { std::puts(line.c_str()); });
    std::fflush(stdout);
    if (flags.follow && &site == &sites->back()) {
      follow(path);
    }
  }
  return 0;
}

void add_up(CLI::App& app, Flags& flags) {
  auto* command = app.add_subcommand("up", "start a site and keep it running, without root");
  command->add_option("SOURCE", flags.sources, "a folder of pictures, or a configuration in lighttpd's language")
      ->type_name("[DIR | lighttpd.conf]");
  command
      ->add_option("--listen", flags.up.listen,
                   "host:port, [::]:port or unix:/path (folders; default 127.0.0.1:8080)")
      ->type_name("ADDRESS");
  command->add_flag("--no-install", flags.no_install,
                    "start it, but register nowhere: nothing starts it after a reboot");
  command->add_option("--keeper", flags.up.keeper, "who starts it again: auto, systemd, supervisord, cron, none")
      ->check(CLI::IsMember({"auto", "systemd", "supervisord", "cron", "none"}))
      ->capture_default_str();
  command->add_option("--memory", flags.up.memory, "MiB that the tile server may take (folders; default: find out)")
      ->check(CLI::Range(64, 1 << 24));
  command->add_flag("--foreground", flags.foreground, "become the server, for a supervisor that starts it again");
  command->add_flag("--tick", flags.tick, "what cron calls: start what should run and does not, and no more");
}

void add_others(CLI::App& app, Flags& flags) {
  const auto add = [&](const char* name, const char* says) {
    auto* command = app.add_subcommand(name, says);
    command->add_option("SOURCE", flags.sources, "as given to `up` (default: all)");
    return command;
  };
  add("down", "stop a site and do not start it again")
      ->add_flag("--purge", flags.purge, "also remove everything that was written for it");
  add("status", "how it is; exit status 3 when something does not run")
      ->add_flag("--json", flags.json, "machine-readable");
  add("reload", "check the configuration and have it read again, without a lost request");
  auto* logs_command = add("logs", "what was logged last");
  logs_command->add_flag("-f,--follow", flags.follow, "and what comes");
  logs_command->add_option("-n,--lines", flags.lines, "how many lines")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
}

}  // namespace

bool is_keep_command(std::string_view word) {
  constexpr std::array<std::string_view, 6> kWords{"up", "down", "status", "reload", "logs", "doctor"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

int run_keep_command(int argc, char** argv) {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);  // servers wait for signals in a thread; here they simply end us
  std::signal(SIGPIPE, SIG_DFL);                 // NOLINT(cert-err33-c)
  CLI::App app("Microtome: very large pictures and sets of registered slices on a screen.");
  app.require_subcommand(1);
  Flags flags;
  DoctorOptions doctoring;
  add_up(app, flags);
  add_others(app, flags);
  add_doctor(app, doctoring);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  if (app.got_subcommand("up")) {
    return up(flags);
  }
  if (app.got_subcommand("down")) {
    return down(flags);
  }
  if (app.got_subcommand("status")) {
    return status(flags);
  }
  if (app.got_subcommand("reload")) {
    return reload(flags);
  }
  return app.got_subcommand("logs") ? logs(flags) : doctor(doctoring);
}

}  // namespace microtome::apps
