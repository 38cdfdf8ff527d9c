// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/config_parser.hpp"

namespace microtome::host {
namespace {

constexpr std::size_t kMaxBytes = 8U << 20;

Result<std::string> read_all(int fd) {
  std::string text;
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t count = ::read(fd, part.data(), part.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return fail(Code::io, "cannot be read", std::strerror(errno));
    }
    if (count == 0) {
      return text;
    }
    text.append(part.data(), static_cast<std::size_t>(count));
    if (text.size() > kMaxBytes) {
      return fail(Code::too_large, "too large", "larger than 8 MiB");
    }
  }
}

Result<std::string> read_path(const std::string& path) {
  if (path == "-") {
    return read_all(STDIN_FILENO);
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return fail(Code::io, "cannot be read", std::strerror(errno));
  }
  struct stat state{};
  if (::fstat(fd, &state) == 0 && S_ISDIR(state.st_mode)) {
    ::close(fd);
    return fail(Code::io, "cannot be read", "it is a directory");
  }
  auto text = read_all(fd);
  ::close(fd);
  return text;
}

std::vector<std::string> match_paths(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(pattern.c_str(), GLOB_BRACE, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  return paths;
}

Result<std::string> run_shell(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "re");  // NOLINT(bugprone-command-processor): what include_shell is for
  if (pipe == nullptr) {
    return fail(Code::io, "command", std::strerror(errno));
  }
  auto text = read_all(::fileno(pipe));
  const int state = ::pclose(pipe);
  if (text && state != 0) {
    return fail(Code::io, "command", "exit status " + std::to_string(WIFEXITED(state) ? WEXITSTATUS(state) : -1));
  }
  return text;
}

}  // namespace

ConfigWorld real_world(bool allow_shell) {
  ConfigWorld world;
  world.read = read_path;
  world.glob = match_paths;
  if (allow_shell) {
    world.shell = run_shell;
  }
  world.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): before any thread starts
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
  std::array<char, 4096> directory{};
  if (::getcwd(directory.data(), directory.size()) != nullptr) {
    world.directory = directory.data();
  }
  world.process = static_cast<int>(::getpid());
  return world;
}

}  // namespace microtome::host
