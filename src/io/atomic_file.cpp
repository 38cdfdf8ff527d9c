// SPDX-License-Identifier: Apache-2.0
#include "io/atomic_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace microtome::io {
namespace {

std::unexpected<Error> failed(const char* what, const std::string& path) {
  return fail(Code::io, what, path + ": " + std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> flush(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) {
    return failed("cannot flush a file", path);
  }
  const int done = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  // Some file systems cannot flush directories; there the rename is as durable as they make it.
  if (done != 0 && !((flags & O_DIRECTORY) != 0 && error == EINVAL)) {
    errno = error;
    return failed("cannot flush a file", path);
  }
  return {};
}

// A rename takes the place of whatever has the name: of /dev/null as well, when root does it.
Result<void> check_replaceable(const std::string& path) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode)) {
    return fail(Code::io, "only files are replaced", path);
  }
  return {};
}

}  // namespace

std::string part_name(const std::string& path) {
  return path + ".part";
}

Result<void> publish(const std::string& temporary, const std::string& path, const Verify& verify) {
  const auto steps = [&]() -> Result<void> {
    if (auto done = flush(temporary, O_RDONLY); !done) {
      return done;
    }
    if (verify) {
      if (auto good = verify(temporary); !good) {
        return good;
      }
    }
    if (auto plain = check_replaceable(path); !plain) {
      return plain;
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      return failed("cannot rename a file", path);
    }
    return flush(directory_of(path), O_RDONLY | O_DIRECTORY);
  };
  auto done = steps();
  if (!done) {
    (void)::unlink(temporary.c_str());  // already gone when only the directory's flush failed
  }
  return done;
}

AtomicFile::AtomicFile(int fd, std::string path, std::string temporary)
    : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), temporary_(std::move(other.temporary_)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    discard();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
  }
  return *this;
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() {
  if (fd_ >= 0) {
    (void)::unlink(temporary_.c_str());  // before the lock goes with the descriptor
    ::close(std::exchange(fd_, -1));
  }
}

Result<AtomicFile> AtomicFile::create(const std::string& path, unsigned mode) {
  const std::string temporary = part_name(path);
  if (auto plain = check_replaceable(path); !plain) {
    return std::unexpected(plain.error());
  }
  // A writer that just finished may rename the file between our open and our lock: then we hold the published file
  // and must not touch it. Three tries are plenty.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
    if (fd < 0) {
      return failed("cannot create a file", temporary);
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd);
      return fail(Code::overloaded, "somebody else is writing this file", temporary);
    }
    struct stat mine{};
    struct stat named{};
    if (::fstat(fd, &mine) == 0 && ::lstat(temporary.c_str(), &named) == 0 && mine.st_ino == named.st_ino &&
        mine.st_dev == named.st_dev) {
      if (!S_ISREG(mine.st_mode) || ::ftruncate(fd, 0) != 0) {
        ::close(fd);
        return fail(Code::io, "cannot create a file", temporary);
      }
      return AtomicFile(fd, path, temporary);
    }
    ::close(fd);
  }
  return fail(Code::overloaded, "somebody else is writing this file", temporary);
}

Result<void> AtomicFile::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
    if (put > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    } else if (errno != EINTR) {
      return failed("cannot write a file", temporary_);
    }
  }
  return {};
}

Result<void> AtomicFile::commit(const Verify& verify) {
  if (fd_ < 0) {
    return fail(Code::internal, "the file was committed already", path_);
  }
  auto done = publish(temporary_, path_, verify);
  ::close(std::exchange(fd_, -1));
  return done;
}

}  // namespace microtome::io
