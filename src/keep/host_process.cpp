// SPDX-License-Identifier: Apache-2.0
#include "keep/host_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

#include "keep/probe.hpp"
#include "keep/text.hpp"

namespace microtome::keep {
namespace {

using namespace std::chrono_literals;

constexpr off_t kLargestLog = 8 << 20;
constexpr auto kGuardStartLimit = 20s;

std::size_t size_of(const std::string& path) {
  struct stat found{};
  return stat(path.c_str(), &found) == 0 ? static_cast<std::size_t>(found.st_size) : 0;
}

// Standard output and errors go to the site's log, input comes from nowhere.
void redirect(const Site& site, bool keep_terminal) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int log = open(site.log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  log = log >= 0 ? log : null;
  dup2(null, STDIN_FILENO);
  if (!keep_terminal) {
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
  }
}

void plain_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);  // NOLINT(bugprone-signal-handler,cert-err33-c)
  std::signal(SIGCHLD, SIG_DFL);  // NOLINT(bugprone-signal-handler,cert-err33-c)
}

// How long to wait before a host that has failed so often in a row is started again.
std::chrono::milliseconds delay_after(long long failures) {
  constexpr std::array<std::chrono::milliseconds, 8> kDelays{0ms, 100ms, 500ms, 1s, 2s, 5s, 10s, 30s};
  return kDelays.at(static_cast<std::size_t>(std::clamp<long long>(failures, 0, kDelays.size() - 1)));
}

[[noreturn]] void guard(const Site& site, const Programs& programs) {
  const auto alone = Lock::take(site.guard(), Lock::Wait::no);
  while (alone && *alone) {
    auto lock = Lock::take(site.lock(), Lock::Wait::yes);
    if (!lock || access(site.down().c_str(), F_OK) == 0 || access(site.dir.c_str(), F_OK) != 0) {
      break;
    }
    if (!start_host(site, programs, std::move(**lock), kGuardStartLimit)) {
      std::this_thread::sleep_for(delay_after(read_history(site).failures));
    }
  }
  _exit(0);
}

// Becomes the host; errno when that fails.
int execute(const Site& site, const Programs& programs) {
  // Relative names in a configuration of the user count from its folder.
  const std::string config = site.config();
  const std::string folder = config.substr(0, config.rfind('/') + 1);
  if (chdir(folder.c_str()) != 0) {
    return errno;
  }
  const std::string ready = site.ready();
  const std::string control = site.control();
  std::vector<const char*> words{programs.host.c_str(), "-D", "--ready-file", ready.c_str(), "-f", config.c_str()};
  if (!site.folder) {
    words.insert(words.end(), {"--control", control.c_str()});  // ours names it in the configuration
  }
  words.push_back(nullptr);
  execv(words.front(), const_cast<char* const*>(words.data()));  // NOLINT: execv does not write there
  return errno;
}

// It runs: a process that has ended and was not collected yet does not.
bool is_alive(int pid) {
  const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat", 512).value_or("");
  const std::size_t name = stat.rfind(')');
  return name != std::string::npos && stat.size() > name + 2 && stat[name + 2] != 'Z' && stat[name + 2] != 'X';
}

std::string cannot_run(const Programs& programs, int fault) {
  return "cannot run " + programs.host + ": " + errno_text(fault);
}

}  // namespace

Programs find_programs() {
  std::error_code fault;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", fault);
  const std::string folder = self.parent_path().string();
  const std::string keep = folder + "/microtome-keep";
  const std::string microtome = folder + "/microtome";
  return {microtome, access(keep.c_str(), X_OK) == 0 ? keep : microtome, folder + "/microtome-host",
          folder + "/microtome.fcgi"};
}

Result<void> start_host(const Site& site, const Programs& programs, Lock lock, std::chrono::milliseconds limit) {
  rotate_log(site);
  record_start(site);
  clear_running(site);
  const std::size_t from = size_of(site.log());
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    plain_signals();
    redirect(site, false);
    lock.inherit();
    const std::string text = cannot_run(programs, execute(site, programs)) + '\n';
    (void)!write(STDERR_FILENO, text.data(), text.size());
    _exit(127);
  }
  const int fault = errno;
  if (child < 0) {
    return fail(Code::io, "cannot start a process: " + errno_text(fault));
  }
  const auto until = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < until) {
    if (read_running(site).pid == child) {
      record_ready(site);
      return {};
    }
    // The guard does not collect its children: for it they are just gone.
    const pid_t ended = waitpid(child, nullptr, WNOHANG);
    if (ended == child || (ended < 0 && errno == ECHILD)) {
      std::string words = last_words(site, from, 4);
      words = words.empty() ? "microtome-host ended at once, without a word" : words;
      record_failure(site, words);
      return fail(Code::io, words);
    }
    std::this_thread::sleep_for(5ms);
  }
  return fail(Code::deadline, "it was started, but has not said that it is ready");
}

void ensure_guard(const Site& site, const Programs& programs) {
  if (is_locked(site.guard())) {
    return;
  }
  const pid_t child = fork();
  if (child != 0) {
    return;
  }
  setsid();
  plain_signals();
  std::signal(SIGCHLD, SIG_IGN);  // NOLINT(cert-err33-c)
  redirect(site, false);
  close_range(3, ~0U, 0);  // above all the locks of the call we come from
  prctl(PR_SET_NAME, "microtome-keep");
  if (chdir("/") == 0) {
    guard(site, programs);
  }
  _exit(1);
}

Error become_host(const Site& site, const Programs& programs, const Lock& lock) {
  rotate_log(site);
  record_start(site);
  clear_running(site);
  plain_signals();
  redirect(site, isatty(STDERR_FILENO) != 0);
  lock.inherit();
  return {Code::io, cannot_run(programs, execute(site, programs)), ""};
}

std::vector<int> host_pids(const Site& site) {
  std::vector<int> found;
  for (const int pid : holders(site.lock())) {
    if (trimmed(read_text("/proc/" + std::to_string(pid) + "/comm", 64).value_or("")) == "microtome-host") {
      found.push_back(pid);
    }
  }
  return found;
}

bool answers(const Running& running, std::chrono::milliseconds limit) {
  return std::any_of(running.addresses.begin(), running.addresses.end(),
                     [&](const std::string& address) { return ask(address, "OPTIONS", "*", limit).status != 0; });
}

bool end_host(const Site& site, std::chrono::milliseconds grace) {
  // The processes count, not the lock: the guard may take that and start another one.
  const std::vector<int> pids = host_pids(site);
  const auto send = [&](int number) {
    for (const int pid : pids) {
      kill(pid, number);
    }
  };
  const auto gone = [&](std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    const auto ended = [&] { return std::none_of(pids.begin(), pids.end(), [](int pid) { return is_alive(pid); }); };
    while (!ended() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(10ms);
    }
    return ended();
  };
  send(SIGTERM);
  if (gone(grace)) {
    return true;
  }
  send(SIGKILL);
  return gone(5s);
}

std::string last_words(const Site& site, std::size_t from, std::size_t count) {
  const std::string text = read_text(site.log(), from + (1 << 20)).value_or("");
  std::vector<std::string> lines = lines_of(text.size() > from ? std::string_view(text).substr(from) : "");
  std::erase_if(lines, [](const std::string& line) { return trimmed(line).empty(); });
  if (lines.size() > count) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
  }
  std::string words;
  for (const std::string& line : lines) {
    // "2026-01-31 12:00:00: text"
    const bool timed = line.size() > 21 && line[4] == '-' && line[10] == ' ' && line[19] == ':';
    words += (words.empty() ? "" : "\n") + (timed ? line.substr(21) : line);
  }
  return words;
}

void rotate_log(const Site& site) {
  struct stat found{};
  if (stat(site.log().c_str(), &found) != 0 || found.st_size < kLargestLog) {
    return;
  }
  // The host has the file open to append to: it is copied and cut, not moved.
  std::error_code fault;
  std::filesystem::copy_file(site.log(), site.log() + ".1", std::filesystem::copy_options::overwrite_existing, fault);
  (void)!truncate(site.log().c_str(), 0);
}

}  // namespace microtome::keep
