// SPDX-License-Identifier: Apache-2.0
#include "keep/keepers.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "keep/command.hpp"
#include "keep/keepers_parts.hpp"
#include "keep/text.hpp"

namespace microtome::keep {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr ? value : "";
}

std::string service_name(const Site& site) {
  return "microtome-" + site.id;
}

// --- systemd ---

std::string unit_path(const Site& site) {
  const std::string config = variable("XDG_CONFIG_HOME");
  return (config.empty() ? variable("HOME") + "/.config" : config) + "/systemd/user/" + service_name(site) +
         ".service";
}

// In a unit's command line: quoted, without any meaning of % and $.
std::string unit_word(const std::string& word) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '%' || c == '$') {
      out += c;
    } else if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

std::string unit_text(const Site& site, const std::string& program) {
  const std::string home = home_variable(site);
  return "# Written by `microtome up`; `microtome down` removes it.\n[Unit]\nDescription=Microtome: " +
         [&] {
           std::string text;
           for (const char c : site.source) {
             text += c == '%' ? std::string("%%") : std::string(1, c);
           }
           return text;
         }() +
         "\nStartLimitIntervalSec=0\n\n[Service]\n" +
         (home.empty() ? "" : "Environment=" + unit_word("MICROTOME_HOME=" + home) + '\n') +
         "ExecStart=" + unit_word(program) + " up --foreground " + unit_word(site.source) +
         "\nExecReload=/bin/kill -USR1 $MAINPID\nRestart=always\nRestartSec=1\nKillMode=mixed\nTimeoutStopSec=40\n\n"
         "[Install]\nWantedBy=default.target\n";
}

// Where the user manager listens, also when we were not started by a login.
void find_user_bus() {
  const std::string runtime = "/run/user/" + std::to_string(getuid());
  if (variable("XDG_RUNTIME_DIR").empty() && access(runtime.c_str(), X_OK) == 0) {
    setenv("XDG_RUNTIME_DIR", runtime.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
}

bool lingers(bool may_ask) {
  const passwd* user = getpwuid(getuid());  // NOLINT(concurrency-mt-unsafe)
  const std::string mark = user != nullptr ? std::string("/var/lib/systemd/linger/") + user->pw_name : "";
  if (!mark.empty() && access(mark.c_str(), F_OK) == 0) {
    return true;
  }
  return may_ask && run_command({"loginctl", "enable-linger"}).status == 0 && access(mark.c_str(), F_OK) == 0;
}

Keepers::One look_for_systemd(bool may_linger) {
  Keepers::One one{"systemd", false, ""};
  if (find_program("systemctl").empty()) {
    one.says = "there is no systemctl";
    return one;
  }
  find_user_bus();
  if (const auto asked = run_command({"systemctl", "--user", "show", "--property=Version"}); asked.status != 0) {
    one.says = "no user manager runs for you (" + one_line(asked.errors) + ')';
    return one;
  }
  one.usable = lingers(may_linger);
  one.says = one.usable ? "the user manager runs, also when you are not logged in"
                        : "the user manager ends when you log out: an administrator can change that by `loginctl "
                          "enable-linger`";
  return one;
}

Result<std::vector<std::string>> install_systemd(const Site& site, const std::string& program) {
  const std::string path = unit_path(site);
  const std::string text = unit_text(site, program);
  std::error_code fault;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), fault);
  find_user_bus();
  if (read_text(path) != text) {
    if (auto done = write_text(path, text, 0644); !done) {
      return pass(done.error());
    }
    (void)run_command({"systemctl", "--user", "daemon-reload"});
  }
  const auto enabled = run_command({"systemctl", "--user", "enable", "--now", service_name(site)});
  if (enabled.status != 0) {
    return fail(Code::io, "systemctl --user enable --now " + service_name(site) + ": " + one_line(enabled.errors));
  }
  return std::vector<std::string>{};
}

void uninstall_systemd(const Site& site) {
  const std::string path = unit_path(site);
  if (access(path.c_str(), F_OK) != 0) {
    return;
  }
  find_user_bus();
  (void)run_command({"systemctl", "--user", "disable", "--now", service_name(site)}, {}, std::chrono::seconds(60));
  ::unlink(path.c_str());
  (void)run_command({"systemctl", "--user", "daemon-reload"});
  (void)run_command({"systemctl", "--user", "reset-failed", service_name(site)});
  // What we may have made on the way; they stay when something else is in them.
  for (auto dir = std::filesystem::path(path).parent_path() / "default.target.wants"; dir.filename() != ".config";
       dir = dir.filename() == "default.target.wants" ? dir.parent_path() : dir.parent_path()) {
    if (::rmdir(dir.c_str()) != 0 && errno != ENOENT) {
      break;
    }
  }
}

// --- supervisord ---

// A folder whose *.ini a supervisord includes: named by the variable, or where hosts have it.
std::string supervisord_folder() {
  const std::string home = variable("HOME");
  const std::string named = variable("MICROTOME_SUPERVISORD");
  for (const std::string& dir : named.empty()
                                    ? std::vector<std::string>{home + "/etc/services.d", home + "/supervisor/conf.d"}
                                    : std::vector<std::string>{named}) {
    if (access(dir.c_str(), W_OK | X_OK) == 0) {
      return dir;
    }
  }
  return {};
}

std::string program_path(const Site& site) {
  return supervisord_folder() + '/' + service_name(site) + ".ini";
}

// supervisord's files: % begins a variable, and commands are split as a shell would.
std::string ini_text(std::string text) {
  for (std::size_t at = 0; (at = text.find('%', at)) != std::string::npos; at += 2) {
    text.insert(at, "%");
  }
  return text;
}

std::string program_text(const Site& site, const std::string& program) {
  const std::string home = home_variable(site);
  return "; Written by `microtome up`; `microtome down` removes it.\n[program:" + service_name(site) +
         "]\ncommand=" + ini_text(shell_word(program) + " up --foreground " + shell_word(site.source)) +
         (home.empty() ? "" : "\nenvironment=MICROTOME_HOME=\"" + ini_text(home) + '"') +
         "\nautostart=true\nautorestart=true\nstartsecs=1\nstartretries=1000000\nstopwaitsecs=40\n"
         // The site has a log of its own; supervisord's would stay behind when the site is taken down.
         "stdout_logfile=NONE\nstderr_logfile=NONE\n";
}

Keepers::One look_for_supervisord() {
  Keepers::One one{"supervisord", false, ""};
  const std::string folder = supervisord_folder();
  if (folder.empty()) {
    one.says = "there is no folder of services of yours (~/etc/services.d, or $MICROTOME_SUPERVISORD)";
  } else if (const auto asked = run_command({"supervisorctl", "pid"});
             asked.status != 0 || std::atoi(asked.output.c_str()) <= 0) {
    one.says = "there is " + folder + ", but supervisorctl reaches no supervisord (" +
               one_line(asked.output + asked.errors) + ')';
  } else {
    one.usable = true;
    one.says = "supervisord runs and includes " + folder;
  }
  return one;
}

Result<std::vector<std::string>> install_supervisord(const Site& site, const std::string& program) {
  const std::string text = program_text(site, program);
  if (supervisord_folder().empty()) {
    return fail(Code::not_found, look_for_supervisord().says);
  }
  if (read_text(program_path(site)) != text) {
    if (auto done = write_text(program_path(site), text, 0644); !done) {
      return pass(done.error());
    }
  }
  (void)run_command({"supervisorctl", "reread"});
  const auto updated = run_command({"supervisorctl", "update", service_name(site)});
  if (updated.status != 0) {
    return fail(Code::io, "supervisorctl update: " + one_line(updated.output + updated.errors));
  }
  (void)run_command({"supervisorctl", "start", service_name(site)});  // after `down` of somebody else
  return std::vector<std::string>{};
}

void uninstall_supervisord(const Site& site) {
  const std::string path = program_path(site);
  if (supervisord_folder().empty() || access(path.c_str(), F_OK) != 0) {
    return;
  }
  (void)run_command({"supervisorctl", "stop", service_name(site)}, {}, std::chrono::seconds(60));
  ::unlink(path.c_str());
  (void)run_command({"supervisorctl", "reread"});
  (void)run_command({"supervisorctl", "update", service_name(site)});
}

}  // namespace

std::string one_line(const std::string& text) {
  std::string line = trimmed(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

std::string home_variable(const Site& site) {
  const std::string base = site.dir.substr(0, site.dir.rfind('/'));
  const std::string home = variable("HOME");
  return variable("MICROTOME_HOME").empty() && base == home + "/.microtome" ? "" : base;
}

Keepers look_for_keepers(bool may_linger) {
  return {{look_for_systemd(may_linger), look_for_supervisord(), look_for_cron()}};
}

Result<std::vector<std::string>> install(Site& site, const std::string& keeper, const std::string& program) {
  std::string chosen = keeper;
  std::vector<std::string> notes;
  if (keeper == "auto") {
    const Keepers found = look_for_keepers(true);
    chosen = "none";
    for (const auto& one : found.all) {
      if (one.usable && chosen == "none") {
        chosen = one.name;
      }
    }
    if (chosen == "none") {
      notes.emplace_back("nothing here starts it again after a crash or a reboot:");
      for (const auto& one : found.all) {
        notes.push_back("  " + one.name + ": " + one.says);
      }
      notes.emplace_back("have `microtome up " + site.word() +
                         "` run every minute by whatever you have; it does nothing while all is well");
    }
  }
  if (chosen != "systemd") {
    uninstall_systemd(site);
  }
  if (chosen != "supervisord") {
    uninstall_supervisord(site);
  }
  if (chosen != "cron") {
    (void)uninstall_cron(site);
  }
  site.keeper = chosen;
  Result<std::vector<std::string>> said = std::vector<std::string>{};
  if (chosen == "systemd") {
    said = install_systemd(site, program);
  } else if (chosen == "supervisord") {
    said = install_supervisord(site, program);
  } else if (chosen == "cron") {
    said = install_cron(site, program);
  }
  if (said) {
    said->insert(said->begin(), notes.begin(), notes.end());
  }
  return said;
}

std::vector<std::string> uninstall(const Site& site) {
  uninstall_systemd(site);
  uninstall_supervisord(site);
  return uninstall_cron(site);
}

bool registered(const Site& site) {
  if (site.keeper == "systemd") {
    return access(unit_path(site).c_str(), F_OK) == 0;
  }
  if (site.keeper == "supervisord") {
    return !supervisord_folder().empty() && access(program_path(site).c_str(), F_OK) == 0;
  }
  if (site.keeper == "cron") {
    return has_cron_lines(site);
  }
  return false;
}

}  // namespace microtome::keep
