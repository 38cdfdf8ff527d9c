// SPDX-License-Identifier: Apache-2.0
#include "host/child_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

namespace microtome::host {
namespace {

constexpr std::size_t kMaxLine = 8192;

// Everything the child needs, made before fork(): behind it only async-signal-safe calls are allowed.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* directory = nullptr;
  int input = -1;
  int null = -1;
  int errors = -1;
  pid_t parent = 0;
};

void complain(const char* text) {
  (void)!::write(STDERR_FILENO, text, std::strlen(text));
}

[[noreturn]] void become(const Prepared& prepared) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != prepared.parent) {
    _exit(127);  // it died in between
  }
  dup2(prepared.input >= 0 ? prepared.input : prepared.null, STDIN_FILENO);
  // Both are open: start() has seen to it.
  dup2(prepared.null, STDOUT_FILENO);    // NOLINT(clang-analyzer-unix.StdCLibraryFunctions)
  dup2(prepared.errors, STDERR_FILENO);  // NOLINT(clang-analyzer-unix.StdCLibraryFunctions)
  close_range(3, ~0U, 0);
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    sigaction(number, &plain, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (prepared.directory == nullptr || chdir(prepared.directory) == 0) {
    execve(prepared.arguments[0], prepared.arguments.data(), prepared.environment.data());
  }
  const char* reason = strerrordesc_np(errno);
  complain("cannot execute ");
  complain(prepared.arguments[0]);
  complain(": ");
  complain(reason != nullptr ? reason : "unknown error");
  complain("\n");
  _exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    list.push_back(const_cast<char*>(text.c_str()));
  }
  list.push_back(nullptr);
  return list;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, std::max<std::size_t>(slash, 1));
}

}  // namespace

// Learns through the process's own descriptor that it has ended: no SIGCHLD, no reused process id.
class ChildProcess::Waiter : public net::Watcher, public std::enable_shared_from_this<Waiter> {
 public:
  Waiter(net::Loop& loop, int fd, std::weak_ptr<ChildProcess> child)
      : descriptor_(loop, fd), child_(std::move(child)) {}
  void begin() { descriptor_.wait_readable(shared_from_this()); }
  void readable() override {
    descriptor_.close();
    if (auto child = child_.lock()) {
      child->end();
    }
  }
  void writable() override {}
  void failed() override {}

 private:
  net::Descriptor descriptor_;
  std::weak_ptr<ChildProcess> child_;
};

// Cuts standard error into lines. Outlives the child until the pipe is empty, so that last words are not lost.
class ChildProcess::Reader : public net::Watcher, public std::enable_shared_from_this<Reader> {
 public:
  Reader(net::Loop& loop, int fd, std::function<void(std::string_view)> wrote)
      : descriptor_(loop, fd), wrote_(std::move(wrote)) {}
  void begin() { descriptor_.wait_readable(shared_from_this()); }
  void stop() { wrote_ = nullptr; }

  // Reads what is there. False when the pipe has ended.
  bool read_all() {
    if (descriptor_.fd() < 0) {
      return false;
    }
    std::array<char, 16384> part;
    for (int turn = 0; turn < 8; ++turn) {
      const ssize_t count = ::read(descriptor_.fd(), part.data(), part.size());
      if (count > 0) {
        take({part.data(), static_cast<std::size_t>(count)});
      } else if (count == 0) {
        finish();
        return false;
      } else if (errno != EINTR) {
        descriptor_.drained();
        return errno == EAGAIN;
      }
    }
    return true;
  }

  void readable() override {
    if (read_all()) {
      begin();
    }
  }
  void writable() override {}
  void failed() override {}

 private:
  void take(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      line_.append(bytes.substr(0, std::min(end, kMaxLine)));
      if (end == std::string_view::npos) {
        if (line_.size() >= kMaxLine) {
          flush();
        }
        return;
      }
      flush();
      bytes.remove_prefix(end + 1);
    }
  }
  void flush() {
    if (line_.ends_with('\r')) {
      line_.pop_back();
    }
    if (wrote_) {
      wrote_(line_);
    }
    line_.clear();
  }
  void finish() {
    if (!line_.empty()) {
      flush();
    }
    descriptor_.close();
  }

  net::Descriptor descriptor_;
  std::function<void(std::string_view)> wrote_;
  std::string line_;
};

Result<std::shared_ptr<ChildProcess>> ChildProcess::start(const std::shared_ptr<net::Loop>& loop,
                                                          const ChildSpec& spec, Events events) {
  std::array<int, 2> pipe{-1, -1};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return fail(Code::io, "cannot start a process", std::string("pipe: ") + std::strerror(errno));
  }
  fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) {
    const int fault = errno;
    close(pipe[0]);
    close(pipe[1]);
    return fail(Code::io, "cannot start a process", std::string("/dev/null: ") + std::strerror(fault));
  }
  const std::string directory = spec.directory.empty() ? directory_of(spec.command.front()) : spec.directory;
  const Prepared prepared{pointers(spec.command),
                          pointers(spec.environment),
                          directory.empty() ? nullptr : directory.c_str(),
                          spec.input,
                          null,
                          pipe[1],
                          getpid()};
  const pid_t pid = fork();
  if (pid == 0) {
    become(prepared);
  }
  const int fault = errno;
  close(pipe[1]);
  close(null);
  if (pid < 0) {
    close(pipe[0]);
    return fail(Code::io, "cannot start a process", std::string("fork: ") + std::strerror(fault));
  }
  setpgid(pid, pid);  // whoever is first: a signal to the group must find it
  std::shared_ptr<ChildProcess> child(new ChildProcess(pid, std::move(events)));
  child->reader_ = std::make_shared<Reader>(*loop, pipe[0], child->events_.wrote);
  child->reader_->begin();
  const int watch = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (watch < 0) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return fail(Code::io, "cannot start a process", std::string("pidfd_open: ") + std::strerror(errno));
  }
  fcntl(watch, F_SETFD, FD_CLOEXEC);
  child->waiter_ = std::make_shared<Waiter>(*loop, watch, child);
  child->waiter_->begin();
  return child;
}

ChildProcess::~ChildProcess() {
  if (alive_) {  // only when the loop has ended without it
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (reader_) {
    reader_->stop();
  }
}

void ChildProcess::end() {
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) {
    status = 0;
  }
  alive_ = false;
  kill(-pid_, SIGTERM);  // its own children would go on to accept what is meant for its successor
  const auto self = shared_from_this();
  reader_->read_all();
  if (events_.ended) {
    events_.ended(status);
  }
}

void ChildProcess::signal(int number) const {
  if (alive_) {
    kill(pid_, number);
  }
}

void ChildProcess::signal_group(int number) const {
  if (alive_) {
    kill(-pid_, number);
  }
}

std::size_t ChildProcess::resident() const {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/statm", static_cast<int>(pid_));
  const int fd = open(path.data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return 0;
  }
  std::array<char, 128> text{};
  const ssize_t count = read(fd, text.data(), text.size() - 1);
  close(fd);
  unsigned long size = 0;
  unsigned long resident = 0;
  if (count <= 0 || std::sscanf(text.data(), "%lu %lu", &size, &resident) != 2) {
    return 0;
  }
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::string describe_end(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    const char* name = sigdescr_np(number);
    return "killed by signal " + std::to_string(number) + (name != nullptr ? " (" + std::string(name) + ')' : "");
  }
  return "exit status " + std::to_string(WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1);
}

std::vector<std::string> child_environment(const std::vector<std::string>& ours,
                                           const std::optional<std::vector<std::string>>& copied,
                                           const std::vector<std::pair<std::string, std::string>>& own) {
  std::vector<std::string> all;
  const auto name_of = [](const std::string& entry) { return entry.substr(0, entry.find('=')); };
  const auto is_own = [&](const std::string& name) {
    return std::any_of(own.begin(), own.end(), [&](const auto& each) { return each.first == name; });
  };
  for (const std::string& entry : ours) {
    const std::string name = name_of(entry);
    const bool wanted = !copied || std::find(copied->begin(), copied->end(), name) != copied->end();
    // What a service manager told us is not for the apps.
    const bool for_us = name == "LISTEN_FDS" || name == "LISTEN_PID" || name == "LISTEN_FDNAMES" ||
                        name == "NOTIFY_SOCKET" || name == "WATCHDOG_USEC" || name == "WATCHDOG_PID";
    if (wanted && !for_us && !is_own(name)) {
      all.push_back(entry);
    }
  }
  for (const auto& [name, value] : own) {
    all.emplace_back(name).append("=").append(value);
  }
  const bool said =
      std::any_of(all.begin(), all.end(), [&](const std::string& e) { return name_of(e) == "PHP_FCGI_CHILDREN"; });
  if (!said) {
    all.emplace_back("PHP_FCGI_CHILDREN=1");
  }
  return all;
}

}  // namespace microtome::host
