// SPDX-License-Identifier: Apache-2.0
#include "set/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "io/descriptors.hpp"
#include "set/hash.hpp"
#include "set/names.hpp"

namespace microtome::set {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTick = kSecond / 10;   // coarser than any kernel's file clock
constexpr std::int64_t kYoung = 10 * kSecond;  // a file this young may still be being written
constexpr std::size_t kFew = 256;              // files that are stat'ed each time
constexpr std::size_t kMostFiles = 200'000;
constexpr std::size_t kMostFolders = 20'000;
constexpr const char* kToml = "set.toml";

struct Close {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

void describe(const struct stat& status, FolderFile& file) {
  file.inode = status.st_ino;
  file.size = static_cast<std::uint64_t>(status.st_size);
  file.mtime_ns = nanoseconds(status.st_mtim);
}

// A link may point anywhere; what it points to must lie below a root.
bool allowed_link(const io::Roots& roots, const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  const bool allowed = real != nullptr && roots.contains(real);
  std::free(real);  // NOLINT: what realpath asks for
  return allowed;
}

// ".git", "set.cache", "GLTa.set.cache": never sets. Tiles of a DeepZoom picture are dropped by the caller.
bool is_folder_name(std::string_view name) {
  return !name.starts_with('.') && !name.ends_with("set.cache");
}

std::string read_all(int descriptor, std::size_t most) {
  std::string text;
  constexpr std::size_t kPiece = 65536;
  while (text.size() <= most) {
    const std::size_t before = text.size();
    text.resize(before + kPiece);
    const ssize_t got = ::read(descriptor, text.data() + before, kPiece);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) {
      break;
    }
  }
  return text;
}

}  // namespace

std::uint64_t FolderFile::stamp() const {
  return Hash().add(inode).add(size).add(mtime_ns).value();
}

const FolderFile* Folder::find(std::string_view name) const {
  const auto at =
      std::ranges::lower_bound(files_, name, {}, [](const FolderFile& file) { return std::string_view(file.name); });
  return at != files_.end() && at->name == name ? &*at : nullptr;
}

FolderFile* Folder::find(std::string_view name) {
  return const_cast<FolderFile*>(std::as_const(*this).find(name));  // NOLINT: one search for both
}

void Folder::limit_to(std::vector<std::string> names) {
  if (names != only_) {
    only_ = std::move(names);
    own_mtime_ns_ = -1;
  }
}

bool Folder::refresh(const io::Roots& roots, std::int64_t now_ns, std::int64_t restat_ns) {
  const int descriptor = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  starved_ = descriptor < 0 && io::is_too_many_files(errno);
  if (starved_) {
    return false;
  }
  struct stat status{};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    if (descriptor >= 0) {
      ::close(descriptor);
    }
    const bool changed = !gone_;
    gone_ = true;
    files_.clear();
    folders_.clear();
    volumes_.clear();
    own_mtime_ns_ = -1;
    return changed;
  }
  bool changed = gone_;
  gone_ = false;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  const std::int64_t mtime = nanoseconds(status.st_mtim);
  const bool young = read_at_ns_ - mtime < kTick;  // could have changed again within the same tick
  if (mtime != own_mtime_ns_ || young) {
    own_mtime_ns_ = mtime;
    read_at_ns_ = now_ns;
    stat_at_ns_ = now_ns;
    changed = list(roots, descriptor) || changed;
  } else {
    const bool writing = now_ns - mtime_ns_ < kYoung;
    if (writing || files_.size() <= kFew || now_ns - stat_at_ns_ >= restat_ns) {
      stat_at_ns_ = now_ns;
      changed = restat(descriptor) || changed;
    }
  }
  changed = (only_.empty() && refresh_toml(descriptor)) || changed;
  ::close(descriptor);
  mtime_ns_ = std::max(own_mtime_ns_, toml_file_.mtime_ns);
  for (const FolderFile& file : files_) {
    mtime_ns_ = std::max(mtime_ns_, file.mtime_ns);
  }
  return changed;
}

bool Folder::list(const io::Roots& roots, int descriptor) {
  const int copy = ::openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  starved_ = copy < 0 && io::is_too_many_files(errno);
  const std::unique_ptr<DIR, Close> directory(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!directory) {
    if (copy >= 0) {
      ::close(copy);
    }
    own_mtime_ns_ = -1;  // to be read the next time
    return false;
  }
  std::vector<FolderFile> files;
  std::vector<std::string> folders;
  std::vector<std::string> volumes;
  std::vector<std::string> deep_zooms;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (!only_.empty() && std::ranges::find(only_, name) == only_.end()) {
      continue;
    }
    const bool picture = is_picture_name(name);
    const bool volume = is_volume_name(name);
    if (name.ends_with(".dzi")) {
      deep_zooms.push_back(std::string(name.substr(0, name.size() - 4)) + "_files");
    }
    const bool maybe_folder = entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;
    if (!picture && !volume && !(maybe_folder && is_folder_name(name))) {
      continue;
    }
    struct stat status{};
    if (::fstatat(descriptor, entry->d_name, &status, 0) != 0 ||
        (entry->d_type != DT_REG && entry->d_type != DT_DIR && !allowed_link(roots, path_ + "/" + entry->d_name))) {
      continue;
    }
    if (S_ISDIR(status.st_mode) && is_folder_name(name) && folders.size() < kMostFolders) {
      folders.emplace_back(name);
    } else if (S_ISREG(status.st_mode) && picture && files.size() < kMostFiles) {
      FolderFile file{.name = std::string(name)};
      describe(status, file);
      files.push_back(std::move(file));
    } else if (S_ISREG(status.st_mode) && volume && volumes.size() < kMostFolders) {
      volumes.emplace_back(name);
    }
  }
  std::erase_if(folders,  // what only holds tiles
                [&](const std::string& name) { return std::ranges::find(deep_zooms, name) != deep_zooms.end(); });
  return adopt(std::move(files), std::move(folders), std::move(volumes));
}

bool Folder::adopt(std::vector<FolderFile> files, std::vector<std::string> folders,
                   std::vector<std::string> volumes) {
  std::ranges::sort(files, {}, &FolderFile::name);
  std::ranges::sort(folders, natural_less);
  std::ranges::sort(volumes, natural_less);
  for (FolderFile& file : files) {
    if (const FolderFile* before = find(file.name); before != nullptr && before->same_file(file)) {
      file = *before;
    }
  }
  const bool same = folders == folders_ && volumes == volumes_ &&
                    std::ranges::equal(files, files_, [](const FolderFile& a, const FolderFile& b) {
                      return a.name == b.name && a.same_file(b);
                    });
  files.shrink_to_fit();
  files_ = std::move(files);
  folders_ = std::move(folders);
  volumes_ = std::move(volumes);
  return !same;
}

bool Folder::restat(int descriptor) {
  bool changed = false;
  for (FolderFile& file : files_) {
    struct stat status{};
    if (::fstatat(descriptor, file.name.c_str(), &status, 0) != 0) {
      continue;  // the directory's mtime will tell
    }
    FolderFile now{.name = file.name};
    describe(status, now);
    if (!now.same_file(file)) {
      file = std::move(now);
      changed = true;
    }
  }
  return changed;
}

bool Folder::refresh_toml(int descriptor) {
  struct stat status{};
  FolderFile now;
  const int file = ::openat(descriptor, kToml, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (file < 0 && io::is_too_many_files(errno)) {
    starved_ = true;
    return false;
  }
  if (file >= 0 && ::fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    describe(status, now);
  }
  const bool changed = !now.same_file(toml_file_);
  if (changed) {
    toml_file_ = now;
    toml_ = now.inode != 0 ? parse_set_toml(read_all(file, kMostTomlBytes)) : SetToml{};
  }
  if (file >= 0) {
    ::close(file);
  }
  return changed;
}

}  // namespace microtome::set
