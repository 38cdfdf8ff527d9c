// SPDX-License-Identifier: Apache-2.0
#include "host/successor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace microtome::host {
namespace {

// "READY,FD=ADDRESS,FD=ADDRESS..."
constexpr const char* kVariable = "MICROTOME_HOST_INHERIT";

int number(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The reading end of the new process's word.
class ReadyPipe final : public net::Watcher, public std::enable_shared_from_this<ReadyPipe> {
 public:
  ReadyPipe(net::Loop& loop, int fd, std::function<void(bool)> told)
      : descriptor_(loop, fd), told_(std::move(told)) {}
  void begin() { descriptor_.wait_readable(shared_from_this()); }
  void readable() override {
    const auto self = shared_from_this();
    char word = 1;
    const bool good = ::read(descriptor_.fd(), &word, 1) == 1 && word == 0;
    descriptor_.close();
    std::exchange(told_, nullptr)(good);
  }
  void writable() override {}
  void failed() override {}

 private:
  net::Descriptor descriptor_;
  std::function<void(bool)> told_;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) {
    list.push_back(const_cast<char*>(text.c_str()));
  }
  list.push_back(nullptr);
  return list;
}

}  // namespace

Inheritance take_inheritance() {
  Inheritance found;
  const char* value = std::getenv(kVariable);  // NOLINT: before there are threads
  if (value == nullptr) {
    return found;
  }
  const std::string text = value;
  unsetenv(kVariable);  // NOLINT
  std::string_view rest = text;
  for (bool first = true; !rest.empty(); first = false) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    const int fd = number(part);
    if (fd < 3 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      continue;
    }
    if (first) {
      found.ready = fd;
    } else if (equals != std::string_view::npos) {
      found.sockets.emplace_back(part.substr(equals + 1), fd);
    }
  }
  return found;
}

Result<void> start_successor(const std::shared_ptr<net::Loop>& loop, const std::vector<std::string>& command,
                             const std::vector<std::string>& environment, const NamedSockets& sockets,
                             std::function<void(bool)> told) {
  std::array<int, 2> pipe{-1, -1};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return fail(Code::io, "cannot start the new process", std::strerror(errno));
  }
  std::string variable = std::string(kVariable) + '=' + std::to_string(pipe[1]);
  for (const auto& [address, fd] : sockets) {
    variable += ',' + std::to_string(fd) + '=' + address;
  }
  std::vector<std::string> all = environment;
  all.push_back(variable);
  const std::vector<char*> words = pointers(command);
  const std::vector<char*> variables = pointers(all);
  const pid_t pid = fork();
  if (pid == 0) {  // only async-signal-safe calls from here
    for (const auto& each : sockets) {
      fcntl(each.second, F_SETFD, 0);
    }
    fcntl(pipe[1], F_SETFD, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(words[0], words.data(), variables.data());
    _exit(127);
  }
  const int fault = errno;
  close(pipe[1]);
  if (pid < 0) {
    close(pipe[0]);
    return fail(Code::io, "cannot start the new process", std::strerror(fault));
  }
  std::make_shared<ReadyPipe>(*loop, pipe[0], std::move(told))->begin();
  return {};
}

}  // namespace microtome::host
