// SPDX-License-Identifier: Apache-2.0
#include "keep/up.hpp"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "keep/command.hpp"
#include "keep/config.hpp"
#include "keep/keepers.hpp"
#include "keep/text.hpp"

namespace microtome::keep {
namespace {

using namespace std::chrono_literals;

constexpr auto kStartLimit = 20s;
constexpr auto kAnswerLimit = 5s;
constexpr int kAnswerTries = 3;
constexpr auto kDrain = 35s;  // the host itself gives its requests 30 s

std::string sum_of(const std::string& text) {
  return std::to_string(fnv1a(text));
}

// The configuration's command has no quoting: a program whose path has blanks gets a name without.
std::string app_name(const Site& site, const Programs& programs) {
  if (programs.app.find(' ') == std::string::npos) {
    return programs.app;
  }
  const std::string link = site.dir + "/microtome.fcgi";
  std::error_code fault;
  if (std::filesystem::read_symlink(link, fault) != programs.app) {
    ::unlink(link.c_str());
    std::filesystem::create_symlink(programs.app, link, fault);
  }
  return link;
}

// Writes the configuration of a folder where it is missing or no longer what is wanted. True when it has changed.
Result<bool> write_config(Site& site, const UpOptions& options, const Programs& programs) {
  std::string listen = site.listen;
  if (!options.listen.empty()) {
    auto wanted = normal_address(options.listen);
    if (!wanted) {
      return pass(wanted.error());
    }
    // Port 0 was answered already when this site was first brought up, unless nothing came of it.
    const bool any_port = options.listen.ends_with(":0") || options.listen == "0";
    const bool answered = !site.listen.empty() && read_history(site).failures == 0;
    listen = any_port && answered ? site.listen : *wanted;
  }
  const auto there = read_text(site.config());
  if (there && site.listen.empty()) {
    site.config_sum = sum_of(*there);  // the record was lost
  }
  site.listen = listen.empty() ? default_address() : listen;
  const std::string text = config_text(site, app_name(site, programs), options.memory);
  if (there && *there == text) {
    return false;
  }
  if (there && sum_of(*there) != site.config_sum) {
    if (!options.listen.empty() || options.memory > 0) {
      return fail(Code::bad_request, site.config() +
                                         " was changed by hand, so it is not written again: change server.bind "
                                         "and server.port there, then `microtome reload " +
                                         site.word() + '`');
    }
    return false;
  }
  if (auto done = write_text(site.config(), text, 0644); !done) {
    return pass(done.error());
  }
  site.config_sum = sum_of(text);
  return there.has_value();
}

// Until the host that has the lock is ready, or nobody has it. True: ready.
bool wait_until_ready(const Site& site, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < until) {
    const int pid = read_running(site).pid;
    if (pid > 0 && kill(pid, 0) == 0 && is_locked(site.lock())) {
      return true;
    }
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

// Starts the host, or waits for the one that somebody else is starting.
Result<void> ensure_running(const Site& site, const Programs& programs, UpReport& report) {
  const bool kept = site.keeper == "systemd" || site.keeper == "supervisord";
  const auto until = std::chrono::steady_clock::now() + kStartLimit;
  const History before = read_history(site);
  do {
    if (!kept) {
      auto lock = Lock::take(site.lock(), Lock::Wait::no);
      if (!lock) {
        return pass(lock.error());
      }
      if (*lock) {
        auto started = start_host(site, programs, std::move(**lock), kStartLimit);
        if (!started && started.error().code == Code::deadline) {
          report.notes.push_back(started.error().message);
          return {};
        }
        return started;
      }
    }
    if (wait_until_ready(site, kept ? 1s : 200ms)) {
      return {};
    }
  } while (std::chrono::steady_clock::now() < until && (!kept || read_history(site).starts < before.starts + 3));
  const std::string words = last_words(site, 0, 3);
  return fail(Code::deadline, words.empty() ? "it does not become ready; see " + site.log() : words);
}

Result<Lock> take_admin(const Site& site) {
  auto lock = Lock::take(site.admin(), Lock::Wait::yes);
  if (!lock) {
    return pass(lock.error());
  }
  return std::move(**lock);
}

}  // namespace

Result<UpReport> bring_up(const UpOptions& options, const Programs& programs) {
  auto found = find_site(options.source);
  if (!found) {
    return pass(found.error());
  }
  if (!found->folder && !options.listen.empty()) {
    return fail(Code::bad_request,
                "--listen is for folders of pictures; a configuration says it itself (server.bind, "
                "server.port)");
  }
  if (auto made = make_folder(*found); !made) {
    return pass(made.error());
  }
  auto admin = take_admin(*found);
  if (!admin) {
    return pass(admin.error());
  }
  UpReport report;
  report.site = find_site(options.source).value_or(*found);  // another call may have recorded it meanwhile
  Site& site = report.site;
  ::unlink(site.down().c_str());
  bool changed = false;
  if (site.folder) {
    const auto written = write_config(site, options, programs);
    if (!written) {
      return pass(written.error());
    }
    changed = *written;
  }
  report.was_running = is_locked(site.lock());
  if (auto saved = save(site); !saved) {
    return pass(saved.error());
  }
  if (changed && report.was_running) {
    (void)end_host(site, kDrain);
  }
  auto said = install(site, options.keeper, programs.keep);
  if (!said) {
    report.notes.push_back("not registered with " + site.keeper + ": " + said.error().message);
    site.keeper = "none";
  } else {
    report.notes = *said;
  }
  (void)save(site);
  if (auto running = ensure_running(site, programs, report); !running) {
    return pass(running.error());
  }
  if (site.keeper != "systemd" && site.keeper != "supervisord") {
    ensure_guard(site, programs);
  }
  report.running = read_running(site);
  if (const std::string base = bases().front(); !site.dir.starts_with(base + '/')) {
    report.notes.push_back(base + " cannot be written: the site's files are in " + site.dir +
                           ", which may not outlive a reboot");
  }
  return report;
}

Result<void> tick(const std::string& source, const Programs& programs) {
  const auto site = find_site(source);
  if (!site) {
    return pass(site.error());
  }
  const auto is_down = [&] { return access(site->down().c_str(), F_OK) == 0; };
  if (is_down()) {
    return {};
  }
  const auto watch = [&] {
    if (site->keeper == "cron" || site->keeper == "none") {
      ensure_guard(*site, programs);
    }
  };
  rotate_log(*site);
  auto lock = Lock::take(site->lock(), Lock::Wait::no);
  if (!lock) {
    return pass(lock.error());
  }
  if (!*lock) {
    const Running running = read_running(*site);
    for (int turn = 0; turn < kAnswerTries; ++turn) {
      if (running.addresses.empty() || answers(running, kAnswerLimit)) {
        watch();
        return {};
      }
    }
    record_failure(*site, "it ran, but did not answer any more: replaced");
    (void)end_host(*site, 1s);
    lock = Lock::take(site->lock(), Lock::Wait::no);
    if (!lock || !*lock) {
      return {};  // somebody else was faster
    }
  }
  if (is_down() || access(site->dir.c_str(), F_OK) != 0) {
    return {};
  }
  auto started = start_host(*site, programs, std::move(**lock), kStartLimit);
  if (started) {
    watch();
  }
  return started;
}

Result<void> stay_in_foreground(const UpOptions& options, const Programs& programs) {
  auto site = find_site(options.source);
  if (!site) {
    return pass(site.error());
  }
  if (auto made = make_folder(*site); !made) {
    return pass(made.error());
  }
  {
    // Not while somebody else writes; the call that registered us holds it, and has written all already.
    auto admin = Lock::take(site->admin(), Lock::Wait::no);
    if (admin && *admin) {
      if (site->folder) {
        if (auto written = write_config(*site, options, programs); !written) {
          return pass(written.error());
        }
      }
      if (auto saved = save(*site); !saved) {
        return saved;
      }
    }
  }
  ::unlink(site->down().c_str());
  auto lock = Lock::take(site->lock(), Lock::Wait::yes);
  if (!lock) {
    return pass(lock.error());
  }
  if (access(site->down().c_str(), F_OK) == 0) {
    return {};
  }
  Error fault = become_host(*site, programs, **lock);
  record_failure(*site, fault.message);
  return pass(std::move(fault));
}

Result<DownReport> bring_down(const Site& site, bool purge) {
  DownReport report;
  auto admin = take_admin(site);
  if (!admin) {
    report.notes.push_back(admin.error().message);
  }
  if (auto marked = write_text(site.down(), "by `microtome down`\n"); !marked && !purge) {
    report.notes.push_back(marked.error().message);
  }
  report.was_running = is_locked(site.lock());
  for (std::string& note : uninstall(site)) {
    report.notes.push_back(std::move(note));
  }
  if (!end_host(site, kDrain)) {
    return fail(Code::io, "the host does not end; see `microtome status`");
  }
  for (int turn = 0; turn < 200 && is_locked(site.guard()); ++turn) {  // it sees the mark, and goes
    std::this_thread::sleep_for(10ms);
  }
  for (const std::string& line : foreign_cron_lines(site)) {
    report.notes.push_back("this line of your crontab starts it again: " + line);
  }
  if (purge) {
    auto lock = Lock::take(site.lock(), Lock::Wait::no);  // so that nobody starts it in a folder that vanishes
    remove_folder(site);
  } else {
    Site changed = site;
    changed.keeper.clear();
    (void)save(changed);
  }
  return report;
}

Result<void> reload(const Site& site, const Programs& programs) {
  const auto checked = run_command({programs.host, "-t", "-f", site.config()});
  if (checked.status != 0) {
    return fail(Code::bad_request, trimmed(checked.errors));
  }
  const auto pids = host_pids(site);
  if (pids.empty()) {
    return fail(Code::not_found, "it does not run; `microtome up " + site.word() + "` starts it");
  }
  for (const int pid : pids) {
    kill(pid, SIGUSR1);
  }
  return {};
}

}  // namespace microtome::keep
