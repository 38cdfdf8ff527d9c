// SPDX-License-Identifier: Apache-2.0
#include "base/outer_limits.hpp"

#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace microtome {
namespace {

constexpr std::uint64_t kMiB = 1U << 20;
// cgroup version 1 says "no limit" by a number near the largest one.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// 0: none, "max", or not there.
std::uint64_t number_in(const std::string& path) {
  const std::uint64_t value = std::strtoull(text_of(path).c_str(), nullptr, 10);
  return value < kNoLimit ? value : 0;
}

void lower(std::uint64_t& limit, std::uint64_t by) {
  if (by != 0 && (limit == 0 || by < limit)) {
    limit = by;
  }
}

void lower_memory(OuterLimits& limits, std::uint64_t by, const char* from) {
  if (by != 0 && (limits.memory == 0 || by < limits.memory)) {
    limits.memory = by;
    limits.memory_from = from;
  }
}

// Every group from ours up to the root may have a limit.
template <class Look>
void each_group(const std::string& mount, std::string path, Look look) {
  for (;;) {
    look(mount + (path == "/" ? "" : path));
    if (path.empty() || path == "/") {
      return;
    }
    path.resize(path.rfind('/'));
  }
}

void look_at_groups(OuterLimits& limits, const std::string& root) {
  std::istringstream lines(text_of(root + "/proc/self/cgroup"));
  const std::string base = root + "/sys/fs/cgroup";
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      each_group(base, path, [&](const std::string& group) {
        lower_memory(limits, number_in(group + "/memory.max"), "cgroup");
        lower_memory(limits, number_in(group + "/memory.high"), "cgroup");
        lower(limits.processes, number_in(group + "/pids.max"));
        std::istringstream quota(text_of(group + "/cpu.max"));
        double most = 0;
        double period = 0;
        if (quota >> most >> period && period > 0) {
          limits.cores = std::min(limits.cores, most / period);
        }
      });
    } else if (controllers == "memory") {
      each_group(base + "/memory", path, [&](const std::string& group) {
        lower_memory(limits, number_in(group + "/memory.limit_in_bytes"), "cgroup");
      });
    } else if (controllers == "pids") {
      each_group(base + "/pids", path,
                 [&](const std::string& group) { lower(limits.processes, number_in(group + "/pids.max")); });
    }
  }
}

std::uint64_t rlimit_of(int which) {
  rlimit limit{};
  return getrlimit(static_cast<__rlimit_resource>(which), &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
             ? limit.rlim_cur
             : 0;
}

}  // namespace

OuterLimits outer_limits(const std::string& root) {
  OuterLimits limits;
  limits.cores = std::max(1U, std::thread::hardware_concurrency());
  struct sysinfo machine{};
  if (sysinfo(&machine) == 0) {
    lower_memory(limits, static_cast<std::uint64_t>(machine.totalram) * machine.mem_unit, "machine");
  }
  look_at_groups(limits, root);
  lower_memory(limits, rlimit_of(RLIMIT_AS), "RLIMIT_AS");
  lower_memory(limits, rlimit_of(RLIMIT_DATA), "RLIMIT_DATA");
  lower(limits.processes, rlimit_of(RLIMIT_NPROC));
  limits.files = rlimit_of(RLIMIT_NOFILE);
  if (const char* said = std::getenv("MICROTOME_MEMORY"); said != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    lower_memory(limits, std::strtoull(said, nullptr, 10) * kMiB, "MICROTOME_MEMORY");
  }
  return limits;
}

MemoryShares shares_of(const OuterLimits& limits, const MemoryShares& wanted) {
  MemoryShares shares = wanted;
  if (limits.memory != 0) {
    const std::uint64_t half = limits.memory / 2;
    shares.in_flight = std::min(wanted.in_flight, half / 2);
    shares.cache = std::min(wanted.cache, half / 4);
    shares.pictures = std::min(wanted.pictures, half / 4);
  }
  int most = std::max(1, static_cast<int>(std::lround(limits.cores)));
  if (limits.processes != 0) {
    // Threads count as processes; the user has others.
    most = std::min(most, std::max(1, static_cast<int>(std::min<std::uint64_t>(limits.processes / 4, 256))));
  }
  // A thread that decodes needs a stack and some tiles: 32 MiB.
  if (limits.memory != 0) {
    most = std::min(most, std::max(1, static_cast<int>(std::min<std::uint64_t>(limits.memory / (32 * kMiB), 256))));
  }
  shares.threads = wanted.threads > 0 ? wanted.threads : most;
  return shares;
}

}  // namespace microtome
