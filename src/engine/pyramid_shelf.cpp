// SPDX-License-Identifier: Apache-2.0
#include "engine/pyramid_shelf.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "image/pyramid_file.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace microtome::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".pyramid.tif";
constexpr std::string_view kUnfinished = ".pyramid.tif.part";
constexpr std::string_view kCacheFolder = "set.cache";
constexpr std::string_view kBricks = ".bricks";
constexpr std::string_view kBricksMagic = "MTWLZB";
constexpr std::size_t kHexDigits = 16;
constexpr std::size_t kMostName = 180;  // of the picture's name in the pyramid's: names end at 255
constexpr int kMostDepth = 12;
constexpr std::size_t kMostFolders = 20'000;
constexpr std::chrono::minutes kSearchAgain{10};
constexpr std::int64_t kSecond = 1'000'000'000;

std::string hex(std::uint64_t number) {
  std::array<char, kHexDigits + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

std::uint64_t hash(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

// The device is left out: its number may be another one after each start of the machine.
std::uint64_t state_of(const io::FileId& id) {
  const std::array<std::uint64_t, 4> fields = {id.inode, id.size, static_cast<std::uint64_t>(id.mtime_ns),
                                               image::kPyramidVersion};
  return XXH3_64bits(fields.data(), sizeof(fields));
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

// At most once a second for each: a picture that is opened often should not write as often.
void say_used(const io::File& file) {
  if (now_ns() - file.id().mtime_ns > kSecond) {
    (void)::futimens(file.fd(), nullptr);  // fails where the file is not ours: then it counts as old
  }
}

// What a writer left that was killed; one that is being written is locked.
void remove_unfinished(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return;
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
    (void)::unlink(path.c_str());
  }
  ::close(fd);
}

bool are_bricks(const std::string& path) {
  std::array<char, kBricksMagic.size()> head{};
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  const bool read = fd >= 0 && ::pread(fd, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size());
  if (fd >= 0) {
    ::close(fd);
  }
  return read && std::string_view(head.data(), head.size()) == kBricksMagic;
}

struct Close {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

std::vector<std::string> PyramidShelf::places(const std::string& path, const io::FileId& id) const {
  const fs::path full(path);
  const std::string name = full.filename().string().substr(0, kMostName);
  const std::string end = "." + hex(state_of(id)) + std::string(kEnding);
  const std::string elsewhere = "/" + name + "." + hex(hash(path)) + end;
  std::vector<std::string> places;
  if (options_.directory.empty()) {
    places.push_back((full.parent_path() / kCacheFolder / (name + end)).string());
    if (!options_.fallback.empty()) {
      places.push_back(options_.fallback + elsewhere);
    }
  } else {
    places.push_back(options_.directory + elsewhere);
  }
  return places;
}

std::optional<io::FilePtr> PyramidShelf::find(const std::string& path, const io::FileId& id) const {
  for (const std::string& place : places(path, id)) {
    if (auto file = io::File::open(place)) {
      say_used(**file);
      return std::move(*file);
    }
  }
  return std::nullopt;
}

Result<std::string> PyramidShelf::place(const std::string& path, const io::FileId& id) const {
  std::string tried;
  for (const std::string& place : places(path, id)) {
    const std::string folder = fs::path(place).parent_path().string();
    std::error_code error;
    if (fs::path(folder).filename() == kCacheFolder) {
      fs::create_directory(folder, error);
    } else {
      fs::create_directories(folder, error);
    }
    if (fs::is_directory(folder, error) && ::access(folder.c_str(), W_OK | X_OK) == 0) {
      return place;
    }
    tried += (tried.empty() ? "" : ", ") + folder;
  }
  return fail(Code::io, "no place can be written to", tried);
}

void PyramidShelf::drop_stale(const std::string& target) {
  const fs::path full(target);
  const std::string name = full.filename().string();
  const std::size_t tail = kHexDigits + kEnding.size();
  const std::string stem = name.substr(0, name.size() - tail);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(full.parent_path(), error)) {
    const std::string other = entry.path().filename().string();
    if (other.size() == name.size() && other != name && other.starts_with(stem) && other.ends_with(kEnding) &&
        other.find_first_not_of("0123456789abcdef", stem.size()) == stem.size() + kHexDigits) {
      fs::remove(entry.path(), error);
    }
  }
}

void PyramidShelf::look_at(const std::string& path, std::string_view name, bool in_cache) {
  const bool pyramid = in_cache && name.ends_with(kEnding);
  const bool unfinished = in_cache && name.ends_with(kUnfinished);
  if (!pyramid && !unfinished && !name.ends_with(kBricks)) {
    return;
  }
  if (unfinished) {
    remove_unfinished(path);
    return;
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || (!pyramid && !are_bricks(path))) {
    return;
  }
  kept_.push_back({path, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim)});
}

// Links are not followed. `depth` 0: only the folder itself.
void PyramidShelf::search_folder(const std::string& folder, int depth) {
  if (++folders_seen_ > kMostFolders) {
    return;
  }
  const std::unique_ptr<DIR, Close> open(::opendir(folder.c_str()));
  if (!open) {
    return;
  }
  const bool in_cache =
      fs::path(folder).filename() == kCacheFolder || folder == options_.directory || folder == options_.fallback;
  std::vector<std::string> below;
  while (const dirent* entry = ::readdir(open.get())) {  // NOLINT(concurrency-mt-unsafe): a stream of our own
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") {
      continue;
    }
    std::string path = folder + "/" + std::string(name);
    if (entry->d_type == DT_DIR && depth > 0 && !name.starts_with('.')) {
      below.push_back(std::move(path));
    } else if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) {
      look_at(path, name, in_cache);
    }
  }
  for (const std::string& path : below) {
    search_folder(path, depth - 1);
  }
}

void PyramidShelf::search() {
  kept_.clear();
  folders_seen_ = 0;
  for (const std::string& root : options_.roots) {
    search_folder(root, kMostDepth);
  }
  std::vector<std::string> flat = options_.folders;
  flat.push_back(options_.directory);
  flat.push_back(options_.fallback);
  for (const std::string& folder : flat) {
    if (!folder.empty()) {
      search_folder(folder, 0);
    }
  }
  // Roots may lie in one another.
  std::ranges::sort(kept_, {}, &Kept::path);
  const auto twice = std::ranges::unique(kept_, {}, &Kept::path);
  kept_.erase(twice.begin(), twice.end());
  searched_ = std::chrono::steady_clock::now();
}

bool PyramidShelf::make_room(std::uint64_t bytes) {
  if (!searched_ || std::chrono::steady_clock::now() - *searched_ > kSearchAgain) {
    search();
  }
  if (options_.quota_bytes == 0) {
    return true;
  }
  std::uint64_t sum = bytes;
  for (Kept& kept : kept_) {
    struct stat status{};
    if (::lstat(kept.path.c_str(), &status) == 0) {
      kept.used_ns = nanoseconds(status.st_mtim);  // it may have been used since
      kept.bytes = static_cast<std::uint64_t>(status.st_size);
    } else {
      kept.bytes = 0;
    }
    sum += kept.bytes;
  }
  std::ranges::sort(kept_, {}, &Kept::used_ns);
  const std::int64_t in_use = now_ns() - std::int64_t{options_.keep_ms} * 1'000'000;
  std::size_t gone = 0;
  while (sum > options_.quota_bytes && gone < kept_.size() && kept_[gone].used_ns < in_use) {
    if (::unlink(kept_[gone].path.c_str()) == 0 || kept_[gone].bytes == 0) {
      sum -= kept_[gone].bytes;
    }
    ++gone;
  }
  kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(gone));
  return sum <= options_.quota_bytes;
}

void PyramidShelf::add(const std::string& path, std::uint64_t bytes) {
  kept_.push_back({path, bytes, now_ns()});
}

}  // namespace microtome::engine
