// SPDX-License-Identifier: Apache-2.0
#include "io/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "io/descriptors.hpp"

namespace microtome::io {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMostProbes = 64;  // of resident(): 256 KiB page by page, longer ranges by samples

std::string because(const std::string& path, int error) {
  return path + ": " + std::strerror(error);  // NOLINT(concurrency-mt-unsafe): glibc's is per thread
}

FileId id_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec};
}

std::unexpected<Error> failed(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:  // a socket, or a FIFO opened for writing
    case ENODEV:
      return fail(Code::not_found, "not found", because(path, error));
    case EACCES:
    case EPERM:
      return fail(Code::forbidden, "the server may not read this file", because(path, error));
    case EMFILE:
    case ENFILE:
      return fail(Code::overloaded, "too many open files", because(path, error));
    default:
      return fail(Code::io, "cannot open the file", because(path, error));
  }
}

bool representable(std::uint64_t offset, std::uint64_t length) {
  return offset <= INT64_MAX && length <= INT64_MAX - offset;
}

// One byte at `offset`, only when its page is in memory and up to date.
bool page_cached(int fd, std::uint64_t offset) {
  std::uint8_t byte = 0;
  iovec vector{&byte, 1};
  return preadv2(fd, &vector, 1, static_cast<off_t>(offset), RWF_NOWAIT) == 1;
}

enum class Answer { yes, no, unknown };

// cachestat(2), Linux 6.5: how many pages of a range are cached, without touching them. Newer kernels allow it
// only to those who could write the file.
Answer ask_cachestat(int fd, std::uint64_t offset, std::uint64_t length) {
  struct Range {
    std::uint64_t offset;
    std::uint64_t length;
  } range{offset, length};
  struct Counts {
    std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } counts{};
#if defined(__alpha__)
  constexpr long kCachestat = 561;
#else
  constexpr long kCachestat = 451;
#endif
  if (syscall(kCachestat, fd, &range, &counts, 0U) != 0) {
    return Answer::unknown;
  }
  const std::uint64_t page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t wanted = (offset + length - 1) / page - offset / page + 1;
  return counts.cached >= wanted ? Answer::yes : Answer::no;
}

}  // namespace

bool is_too_many_files(int error) {
  return error == EMFILE || error == ENFILE;
}

bool no_file_can_be_opened() {
  const int fd = ::open("/", O_PATH | O_CLOEXEC);
  if (fd < 0) {
    return is_too_many_files(errno);
  }
  ::close(fd);
  return false;
}

File::File(int fd, FileId id, std::string path) : fd_(fd), id_(id), path_(std::move(path)) {}

File::~File() {
  ::close(fd_);
}

Result<std::shared_ptr<const File>> File::open(const std::string& path, std::uint64_t part) {
  if (path.find('\0') != std::string::npos) {
    return fail(Code::not_found, "not found", "a path with a NUL byte");
  }
  // O_NONBLOCK: opening a FIFO must not wait for a writer. It means nothing for regular files.
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return failed(path, errno);
  }
  return adopt(fd, path, part);
}

Result<std::shared_ptr<const File>> File::adopt(int fd, std::string path, std::uint64_t part) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    const int error = errno;
    ::close(fd);
    return fail(Code::io, "cannot open the file", because(path, error));
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    return fail(Code::not_found, "not found", path + ": not a regular file");
  }
  FileId id = id_of(status);
  id.part = part;
  return std::shared_ptr<const File>(new File(fd, id, std::move(path)));
}

Result<FileId> File::identify(const std::string& path) {
  struct stat status{};
  if (path.find('\0') != std::string::npos) {
    return fail(Code::not_found, "not found", "a path with a NUL byte");
  }
  if (::stat(path.c_str(), &status) != 0) {
    return failed(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(Code::not_found, "not found", path + ": not a regular file");
  }
  return id_of(status);
}

Result<void> File::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  if (!representable(offset, out.size())) {
    return fail(Code::corrupt, "the file is damaged", path_ + ": offset beyond any file");
  }
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (got == 0) {
      return fail(Code::corrupt, "the file is damaged or was cut short",
                  path_ + ": ends before byte " + std::to_string(offset + out.size()));
    } else if (errno != EINTR) {
      return fail(Code::io, "cannot read the file", because(path_, errno));
    }
  }
  return {};
}

Result<Bytes> File::read(std::uint64_t offset, std::size_t length) const {
  // Before allocating: a length out of a broken header must not cost memory.
  if (length > size() || offset > size() - length) {
    return fail(
        Code::corrupt, "the file is damaged or was cut short",
        path_ + ": bytes " + std::to_string(offset) + "+" + std::to_string(length) + " of " + std::to_string(size()));
  }
  Bytes bytes(length);
  if (auto done = read(offset, bytes); !done) {
    return pass(done.error());
  }
  return bytes;
}

bool File::read_cached(std::uint64_t offset, std::span<std::uint8_t> out) const {
  if (!representable(offset, out.size())) {
    return false;
  }
  std::size_t done = 0;
  while (done < out.size()) {
    iovec vector{out.data() + done, out.size() - done};
    const ssize_t got = preadv2(fd_, &vector, 1, static_cast<off_t>(offset + done), RWF_NOWAIT);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (got == 0 || errno != EINTR) {
      return false;  // the end, EAGAIN (not in memory), or a file system without RWF_NOWAIT
    }
  }
  return true;
}

bool File::resident(std::uint64_t offset, std::uint64_t length) const {
  if (length == 0) {
    return true;
  }
  if (!representable(offset, length)) {
    return false;
  }
  // The last byte first: it is the likeliest to be missing, and it shows whether the file still reaches so far.
  if (!page_cached(fd_, offset + length - 1)) {
    return false;
  }
  if (offset / kPage == (offset + length - 1) / kPage) {
    return true;
  }
  // cachestat also counts pages that are still on their way from the disk, therefore the first byte is tried as well.
  if (!page_cached(fd_, offset)) {
    return false;
  }
  if (const Answer answer = ask_cachestat(fd_, offset, length); answer != Answer::unknown) {
    return answer == Answer::yes;
  }
  const std::uint64_t pages = length / kPage;
  const std::uint64_t step = std::max<std::uint64_t>(1, pages / kMostProbes) * kPage;
  for (std::uint64_t at = offset / kPage * kPage + step; at < offset + length; at += step) {
    if (!page_cached(fd_, at)) {
      return false;
    }
  }
  return true;
}

void File::will_need(std::uint64_t offset, std::uint64_t length) const {
  if (length > 0 && representable(offset, length)) {
    (void)::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(length), POSIX_FADV_WILLNEED);
  }
}

}  // namespace microtome::io
