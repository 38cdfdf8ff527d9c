// SPDX-License-Identifier: Apache-2.0
#include "keep/lock.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "keep/text.hpp"

namespace microtome::keep {
namespace {

bool same_file(int fd, const std::string& path) {
  struct stat open_one{};
  struct stat named{};
  return fstat(fd, &open_one) == 0 && stat(path.c_str(), &named) == 0 && open_one.st_ino == named.st_ino &&
         open_one.st_dev == named.st_dev;
}

}  // namespace

Result<std::optional<Lock>> Lock::take(const std::string& path, Wait wait) {
  for (int turn = 0; turn < 100; ++turn) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
      return fail(Code::io, "cannot write " + path + ": " + errno_text(errno));
    }
    int locked = -1;
    do {
      locked = flock(fd, LOCK_EX | (wait == Wait::no ? LOCK_NB : 0));
    } while (locked != 0 && errno == EINTR);
    if (locked != 0) {
      const int fault = errno;
      ::close(fd);
      if (fault == EWOULDBLOCK) {
        return std::optional<Lock>();
      }
      return fail(Code::io, "cannot lock " + path + ": " + errno_text(fault));
    }
    if (same_file(fd, path)) {
      return std::optional<Lock>(Lock(fd));
    }
    ::close(fd);  // it was removed in between: a lock on it keeps nobody out
  }
  return fail(Code::io, "cannot lock " + path + ": it comes and goes");
}

Lock& Lock::operator=(Lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Lock::~Lock() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void Lock::inherit() const {
  fcntl(fd_, F_SETFD, 0);
}

bool is_locked(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  // Shared: two that look at the same time do not take each other for the holder.
  const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return held;
}

std::vector<int> holders(const std::string& path) {
  std::vector<int> found;
  struct stat wanted{};
  DIR* all = stat(path.c_str(), &wanted) == 0 ? opendir("/proc") : nullptr;
  if (all == nullptr) {
    return found;
  }
  while (const dirent* process = readdir(all)) {  // NOLINT(concurrency-mt-unsafe): a stream of our own
    const int pid = std::atoi(process->d_name);
    if (pid <= 0 || pid == getpid()) {
      continue;
    }
    const std::string table = std::string("/proc/") + process->d_name + "/fd";
    DIR* files = opendir(table.c_str());
    if (files == nullptr) {
      continue;  // another user's, or gone
    }
    while (const dirent* file = readdir(files)) {  // NOLINT(concurrency-mt-unsafe)
      struct stat held{};
      if (file->d_name[0] != '.' && stat((table + '/' + file->d_name).c_str(), &held) == 0 &&
          held.st_ino == wanted.st_ino && held.st_dev == wanted.st_dev) {
        found.push_back(pid);
        break;
      }
    }
    closedir(files);
  }
  closedir(all);
  return found;
}

}  // namespace microtome::keep
