// SPDX-License-Identifier: Apache-2.0
#include "host/log_file.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace microtome::host {
namespace {

constexpr std::size_t kBuffer = 32 * 1024;

Result<int> open_path(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
  if (fd < 0) {
    return fail(Code::io, "cannot open the log " + path + ": " + std::strerror(errno));
  }
  return fd;
}

// A program that reads lines from its standard input.
Result<int> open_program(const std::string& command, int& child) {
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return fail(Code::io, std::string("cannot start a log program: ") + std::strerror(errno));
  }
  const char* arguments[] = {"/bin/sh", "-c", command.c_str(), nullptr};
  child = fork();
  if (child == 0) {
    setpgid(0, 0);
    dup2(pipe[0], STDIN_FILENO);
    close_range(3, ~0U, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(arguments[0], const_cast<char* const*>(arguments));
    _exit(127);
  }
  close(pipe[0]);
  if (child < 0) {
    close(pipe[1]);
    return fail(Code::io, std::string("cannot start a log program: ") + std::strerror(errno));
  }
  return pipe[1];
}

}  // namespace

Result<std::shared_ptr<LogFile>> LogFile::open(const std::string& name, bool buffered) {
  int child = -1;
  Result<int> fd = name.empty()            ? Result<int>(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3))
                   : name.starts_with('|') ? open_program(name.substr(1), child)
                                           : open_path(name);
  if (!fd) {
    return pass(fd.error());
  }
  std::shared_ptr<LogFile> file(new LogFile(name, *fd, buffered));
  file->child_ = child;
  return file;
}

LogFile::~LogFile() {
  flush();
  if (fd_ >= 0) {
    close(fd_);
  }
  if (child_ > 0) {
    waitpid(child_, nullptr, 0);
  }
}

void LogFile::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  buffer_.append(text);
  buffer_ += '\n';
  if (!buffered_ || buffer_.size() >= kBuffer) {
    write_out();
  }
}

void LogFile::flush() {
  const std::lock_guard lock(mutex_);
  write_out();
}

void LogFile::write_out() {
  std::string_view left = buffer_;
  while (!left.empty() && fd_ >= 0) {
    const ssize_t count = ::write(fd_, left.data(), left.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      break;  // a full disk must not stop the server
    }
    left.remove_prefix(static_cast<std::size_t>(count));
  }
  buffer_.clear();
}

Result<void> LogFile::reopen() {
  const std::lock_guard lock(mutex_);
  write_out();
  if (name_.empty() || name_.starts_with('|')) {
    return {};
  }
  auto fd = open_path(name_);
  if (!fd) {
    return pass(fd.error());
  }
  close(fd_);
  fd_ = *fd;
  return {};
}

std::string timestamped(std::string_view text) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  std::array<char, 32> stamp{};
  std::strftime(stamp.data(), stamp.size(), "%Y-%m-%d %H:%M:%S: ", &parts);
  return stamp.data() + std::string(text);
}

}  // namespace microtome::host
