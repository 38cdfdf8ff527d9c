// SPDX-License-Identifier: Apache-2.0
#include "apps/import/worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vips/vips.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace microtome::apps {
namespace {

constexpr int kPollMs = 200;  // how soon a stop is seen

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ';');
  return text;
}

// What the worker has said so far.
struct Heard {
  std::optional<Converted> converted;
  std::string error;
  std::string warning;  // the last one: what a decoder said before it crashed
};

void hear(const std::string& line, Heard& heard, const std::function<void(double)>& progress) {
  if (line.size() < 2) {
    return;
  }
  const std::string rest = line.substr(2);
  switch (line.front()) {
    case 'p':
      progress(std::strtod(rest.c_str(), nullptr));
      break;
    case 'w':
      heard.warning = rest;
      break;
    case 'e':
      heard.error = rest;
      break;
    case 'd': {
      char* end = nullptr;
      const long long width = std::strtoll(rest.c_str(), &end, 10);
      heard.converted = Converted{width, std::strtoll(end, nullptr, 10)};
      break;
    }
    default:
      break;
  }
}

// Reads lines until the worker closes its end, or kills it when `stop` says so.
Heard listen(int fd, pid_t pid, const std::function<void(double)>& progress, const std::atomic<bool>& stop) {
  Heard heard;
  std::string pending;
  std::array<char, 4096> buffer{};
  for (;;) {
    if (stop) {
      kill(pid, SIGKILL);
    }
    pollfd wait{fd, POLLIN, 0};
    if (poll(&wait, 1, kPollMs) <= 0) {
      continue;
    }
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count <= 0) {
      return heard;
    }
    pending.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
      hear(pending.substr(0, end), heard, progress);
    }
  }
}

Result<pid_t> spawn(const std::string& source, const std::string& target, const ConvertOptions& options, int out) {
  std::vector<std::string> words{
      "microtome-import", "--worker", source, target, std::to_string(options.tile), std::to_string(options.quality)};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail(Code::io, "no worker could be started", std::strerror(error));
  }
  return pid;
}

Result<void> flush(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool good = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) {
    close(fd);
  }
  return good ? Result<void>() : fail(Code::io, "what was written could not be flushed", std::strerror(error));
}

std::string told(const Error& error) {
  return one_line(error.context.empty() ? error.message : error.message + ": " + error.context);
}

}  // namespace

Result<Converted> convert_in_worker(const std::string& source, const std::string& target,
                                    const ConvertOptions& options, const std::function<void(double)>& progress,
                                    const std::atomic<bool>& stop) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(Code::io, "no pipe could be made", std::strerror(errno));
  }
  const auto pid = spawn(source, target, options, ends[1]);
  close(ends[1]);
  if (!pid) {
    close(ends[0]);
    return std::unexpected(pid.error());
  }
  const Heard heard = listen(ends[0], *pid, progress, stop);
  close(ends[0]);
  while (waitpid(*pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (heard.converted) {
    return *heard.converted;  // written and verified, however the worker ended after it said so
  }
  if (stop) {
    return fail(Code::cancelled, "stopped");
  }
  if (!heard.error.empty()) {
    return fail(Code::corrupt, heard.error);
  }
  return fail(Code::corrupt, "the picture is broken, its decoder gave up", heard.warning);
}

int run_worker(const std::string& source, const std::string& target, const ConvertOptions& options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // an importer that was killed must not leave a writer behind
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  g_log_set_handler(
      "VIPS", G_LOG_LEVEL_WARNING,
      [](const char*, GLogLevelFlags, const char* text, void*) { std::printf("w %s\n", one_line(text).c_str()); },
      nullptr);
  vips_concurrency_set(1);  // several pictures at once keep the cores busy; one thread each keeps memory low
  vips_cache_set_max(0);    // every operation is used once
  const std::atomic<bool> never = false;
  double last = 0;
  const auto progress = [&](double fraction) {
    if (fraction - last >= 0.01) {
      last = fraction;
      std::printf("p %.3f\n", fraction);
    }
  };
  const auto converted = convert(source, target, options, progress, never);
  if (!converted) {
    std::printf("e %s\n", told(converted.error()).c_str());
    return 1;
  }
  auto checked = flush(target);
  if (checked) {
    checked = verify(source, target, *converted, options);
  }
  if (!checked) {
    std::printf("e %s\n", told(checked.error()).c_str());
    return 1;
  }
  std::printf("d %lld %lld\n", static_cast<long long>(converted->width), static_cast<long long>(converted->height));
  return 0;
}

}  // namespace microtome::apps
