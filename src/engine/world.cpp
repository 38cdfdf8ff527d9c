// SPDX-License-Identifier: Apache-2.0
#include "engine/world.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "io/descriptors.hpp"

namespace microtome::engine {
namespace {

// openat2 with RESOLVE_CACHED (Linux 5.12) walks a path in the kernel's name cache only and says EAGAIN where it
// would have to read a directory; fstat on what it found touches no disk on local file systems. Older kernels and
// sandboxes refuse the call: then it is a worker's job.
std::optional<Result<io::FileId>> identify_file_cached(const std::string& path) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED;
  const long opened = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how));
  if (opened < 0) {
    if (errno == ENOENT) {
      return Result<io::FileId>(fail(Code::not_found, "no such picture", path));
    }
    return std::nullopt;
  }
  struct stat status = {};
  const int found = ::fstat(static_cast<int>(opened), &status);
  ::close(static_cast<int>(opened));
  if (found != 0) {
    return std::nullopt;
  }
  io::FileId id;
  id.device = status.st_dev;
  id.inode = status.st_ino;
  id.size = static_cast<std::uint64_t>(status.st_size);
  id.mtime_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return Result<io::FileId>(id);
}

// "NAME;PART" is that part of NAME, unless there is a file of the whole name.
std::optional<Result<io::FileId>> identify_cached(const std::string& path) {
  auto whole = identify_file_cached(path);
  const auto part = path.find(';') != std::string::npos ? image::split_part(path) : std::nullopt;
  if (!part || !whole || *whole) {
    return whole;
  }
  auto id = identify_file_cached(part->file);
  if (id && *id) {
    (*id)->part = part->id();
  }
  return id;
}

Result<io::FileId> identify(const std::string& path) {
  auto whole = io::File::identify(path);
  const auto part = !whole && path.find(';') != std::string::npos ? image::split_part(path) : std::nullopt;
  if (!part) {
    return whole;
  }
  auto id = io::File::identify(part->file);
  if (id) {
    id->part = part->id();
  }
  return id;
}

Result<image::PicturePtr> open(const std::string& path, const image::OpenLimits& limits) {
  const auto whole = io::File::open(path);
  if (whole) {
    return image::open_picture(*whole, limits);
  }
  const auto part = path.find(';') != std::string::npos ? image::split_part(path) : std::nullopt;
  if (!part) {
    return pass(whole.error());
  }
  const auto file = io::File::open(part->file, part->id());
  return file ? image::open_part(*file, part->part, limits) : pass(file.error());
}

}  // namespace

World real_world(const image::OpenLimits& limits) {
  World world;
  world.identify = identify;
  world.identify_cached = identify_cached;
  world.open = [limits](const std::string& path) {
    auto picture = open(path, limits);
    // Libraries open files of their own, and do not say why they could not.
    if (!picture && picture.error().code != Code::overloaded && io::no_file_can_be_opened()) {
      return Result<image::PicturePtr>(fail(Code::overloaded, "too many open files", path));
    }
    return picture;
  };
  world.now_ns = [] {
    return std::int64_t{
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count()};
  };
  return world;
}

std::shared_ptr<Engine> make_engine(const EngineOptions& options, WorkPool& pool, Log log) {
  return make_engine(options, pool, std::move(log), real_world(options.open));
}

}  // namespace microtome::engine
