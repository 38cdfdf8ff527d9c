// SPDX-License-Identifier: Apache-2.0
#include "apps/host_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace microtome::host {

bool drop_privileges(const ServerSettings& settings, const Log& log) {
  if (settings.user.empty() && settings.group.empty()) {
    return true;
  }
  if (geteuid() != 0) {
    log.info("server.username and server.groupname count for root only");
    return true;
  }
  const passwd* user = settings.user.empty() ? nullptr : getpwnam(settings.user.c_str());    // NOLINT: one thread
  const group* group = settings.group.empty() ? nullptr : getgrnam(settings.group.c_str());  // NOLINT
  if ((!settings.group.empty() && group == nullptr) || (!settings.user.empty() && user == nullptr)) {
    log.error("there is no user " + settings.user + " or no group " + settings.group);
    return false;
  }
  const gid_t gid = group != nullptr ? group->gr_gid : user != nullptr ? user->pw_gid : getgid();
  const bool grouped =
      setgid(gid) == 0 && (user != nullptr ? initgroups(user->pw_name, gid) : setgroups(0, nullptr)) == 0;
  if (!grouped || (user != nullptr && setuid(user->pw_uid) != 0)) {
    log.error(std::string("cannot change user and group: ") + std::strerror(errno));
    return false;
  }
  return true;
}

int daemonise(int& ready_pipe) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) {
    return kFailed;
  }
  const pid_t child = fork();
  if (child < 0) {
    return kFailed;
  }
  if (child > 0) {
    close(pipe[1]);
    char answer = 1;
    const bool ready = read(pipe[0], &answer, 1) == 1 && answer == 0;
    return ready ? 0 : kFailed;
  }
  close(pipe[0]);
  setsid();
  ready_pipe = pipe[1];
  return -1;
}

void silence() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) {
    return;
  }
  for (const int fd : {0, 1, 2}) {
    dup2(null, fd);
  }
  close(null);
}

void set_limits(const ServerSettings& settings) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    const rlim_t wanted = settings.max_files;
    files.rlim_max = geteuid() == 0 ? std::max(files.rlim_max, wanted) : files.rlim_max;
    files.rlim_cur = std::min(std::max(files.rlim_cur, wanted), files.rlim_max);
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if (settings.core_files) {
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &all);
  }
}

std::vector<std::string> our_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    all.emplace_back(*entry);
  }
  return all;
}

PidFile::~PidFile() {
  if (written_ && keep_) {
    unlink(path_.c_str());
  }
}

bool PidFile::write() {
  if (path_.empty()) {
    return true;
  }
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    return false;
  }
  const std::string text = std::to_string(getpid()) + '\n';
  written_ = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written_;
}

}  // namespace microtome::host
