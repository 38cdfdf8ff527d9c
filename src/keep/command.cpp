// SPDX-License-Identifier: Apache-2.0
#include "keep/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace microtome::keep {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipes {
  int in[2] = {-1, -1};
  int out[2] = {-1, -1};
  int err[2] = {-1, -1};
  bool open() { return pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0; }
  static void close_one(int& fd) {
    if (fd >= 0) {
      ::close(fd);
    }
    fd = -1;
  }
  ~Pipes() {
    for (int* ends : {in, out, err}) {
      close_one(ends[0]);
      close_one(ends[1]);
    }
  }
};

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& words, const Pipes& pipes) {
  dup2(pipes.in[0], STDIN_FILENO);
  dup2(pipes.out[1], STDOUT_FILENO);
  dup2(pipes.err[1], STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);  // NOLINT(bugprone-signal-handler,cert-err33-c)
  std::vector<char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  execv(program.c_str(), arguments.data());
  _exit(127);
}

// Reads one pipe into `text`. False when it has ended.
bool take(int fd, std::string& text, std::size_t most) {
  std::array<char, 16384> part;
  const ssize_t count = read(fd, part.data(), part.size());
  if (count > 0 && text.size() < most) {
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

// Feeds and reads until both outputs have ended. False when the time was up.
bool converse(Pipes& pipes, std::string_view input, CommandResult& result, Clock::time_point until) {
  for (;;) {
    if (input.empty()) {
      Pipes::close_one(pipes.in[1]);
    }
    if (pipes.out[0] < 0 && pipes.err[0] < 0) {
      return true;
    }
    std::array<pollfd, 3> wanted{{{pipes.out[0], POLLIN, 0}, {pipes.err[0], POLLIN, 0}, {pipes.in[1], POLLOUT, 0}}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0 || (poll(wanted.data(), wanted.size(), static_cast<int>(left)) < 0 && errno != EINTR)) {
      return false;
    }
    if (wanted[0].revents != 0 && !take(pipes.out[0], result.output, 1 << 20)) {
      Pipes::close_one(pipes.out[0]);
    }
    if (wanted[1].revents != 0 && !take(pipes.err[0], result.errors, 1 << 16)) {
      Pipes::close_one(pipes.err[0]);
    }
    if (wanted[2].revents != 0) {
      const ssize_t count = write(pipes.in[1], input.data(), input.size());
      if (count > 0) {
        input.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno != EINTR && errno != EAGAIN) {
        input = {};
      }
    }
  }
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return access(name.c_str(), X_OK) == 0 ? name : "";
  }
  const char* set = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  const std::string path = set != nullptr && *set != 0 ? set : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find(':', from), path.size());
    const std::string file = path.substr(from, end - from) + '/' + name;
    if (end > from && access(file.c_str(), X_OK) == 0) {
      return file;
    }
    from = end + 1;
  }
  return {};
}

CommandResult run_command(const std::vector<std::string>& words, const std::string& input,
                          std::chrono::milliseconds limit) {
  CommandResult result;
  const std::string program = find_program(words.front());
  Pipes pipes;
  if (program.empty() || !pipes.open()) {
    result.status = 127;
    return result;
  }
  const auto was = std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): a program that does not read its input
  const pid_t child = fork();
  if (child == 0) {
    become(program, words, pipes);
  }
  for (int* end : {&pipes.in[0], &pipes.out[1], &pipes.err[1]}) {
    Pipes::close_one(*end);
  }
  if (child < 0) {
    return result;
  }
  const bool finished = converse(pipes, input, result, Clock::now() + limit);
  if (!finished) {
    kill(child, SIGKILL);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::signal(SIGPIPE, was);  // NOLINT(cert-err33-c)
  result.status = finished && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

}  // namespace microtome::keep
