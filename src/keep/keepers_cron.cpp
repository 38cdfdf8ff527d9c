// SPDX-License-Identifier: Apache-2.0
// Sites that cron starts every minute. Part of keepers.
#include <dirent.h>

#include <cstdlib>

#include "keep/command.hpp"
#include "keep/crontab.hpp"
#include "keep/keepers_parts.hpp"
#include "keep/text.hpp"

namespace microtome::keep {
namespace {

// The crontab; Code::io when cron may not be used.
Result<std::string> read_crontab() {
  if (find_program("crontab").empty()) {
    return fail(Code::not_found, "there is no crontab program");
  }
  const auto listed = run_command({"crontab", "-l"});
  if (listed.status == 0) {
    return listed.output;
  }
  if (listed.errors.find("no crontab") != std::string::npos) {
    return std::string();
  }
  return fail(Code::io, "crontab says: " + one_line(listed.errors));
}

Result<void> write_crontab(const std::string& text) {
  const auto done = text.empty() ? run_command({"crontab", "-r"}) : run_command({"crontab", "-"}, text);
  if (done.status != 0) {
    return fail(Code::io, "crontab says: " + one_line(done.errors));
  }
  return {};
}

bool cron_runs() {
  bool found = false;
  DIR* all = opendir("/proc");
  while (const dirent* process = all != nullptr ? readdir(all) : nullptr) {  // NOLINT(concurrency-mt-unsafe)
    if (std::atoi(process->d_name) <= 0) {
      continue;
    }
    const std::string name = trimmed(read_text(std::string("/proc/") + process->d_name + "/comm", 64).value_or(""));
    found = found || name == "cron" || name == "crond" || name == "fcron" || name == "dcron";
  }
  if (all != nullptr) {
    closedir(all);
  }
  return found;
}

std::string cron_lines(const Site& site, const std::string& program) {
  const std::string home = home_variable(site);
  return crontab_lines(site.id, (home.empty() ? "" : "MICROTOME_HOME=" + shell_word(home) + ' ') +
                                    shell_word(program) + " up --tick " + site.word());
}

}  // namespace

Keepers::One look_for_cron() {
  Keepers::One one{"cron", false, ""};
  if (const auto text = read_crontab(); !text) {
    one.says = text.error().message;
    return one;
  }
  one.usable = true;
  one.says = cron_runs()
                 ? "cron runs, and you may use it"
                 : "you may use crontab, but no cron daemon is to be seen: when none runs, nothing starts the "
                   "site again";
  return one;
}

Result<std::vector<std::string>> install_cron(const Site& site, const std::string& program) {
  const auto text = read_crontab();
  if (!text) {
    return pass(text.error());
  }
  const std::string wanted = with_lines(*text, site.id, cron_lines(site, program));
  if (wanted != *text) {
    if (auto done = write_crontab(wanted); !done) {
      return pass(done.error());
    }
  }
  return cron_runs() ? std::vector<std::string>{} : std::vector<std::string>{look_for_cron().says};
}

std::vector<std::string> uninstall_cron(const Site& site) {
  const auto text = read_crontab();
  if (!text) {
    return {};
  }
  const std::string wanted = without_lines(*text, site.id);
  if (wanted != *text) {
    if (auto done = write_crontab(wanted); !done) {
      return {done.error().message};
    }
  }
  return {};
}

bool has_cron_lines(const Site& site) {
  const auto text = read_crontab();
  return text && without_lines(*text, site.id) != *text;
}

std::vector<std::string> foreign_cron_lines(const Site& site) {
  std::vector<std::string> found;
  const auto text = read_crontab();
  for (const std::string& line : lines_of(text ? without_lines(*text, site.id) : "")) {
    const bool plain =
        line.find("microtome up") != std::string::npos && line.find("# microtome ") == std::string::npos;
    if (plain && !trimmed(line).starts_with('#') &&
        (line.find(site.source) != std::string::npos || trimmed(line).ends_with("microtome up"))) {
      found.push_back(line);
    }
  }
  return found;
}

}  // namespace microtome::keep
