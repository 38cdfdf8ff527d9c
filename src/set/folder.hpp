// SPDX-License-Identifier: Apache-2.0
// Folder: what one directory holds, as last read, and what was learnt about its pictures. Reads directories and stats
// files; opens no picture. Not thread-safe: the catalogue holds its lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/roots.hpp"
#include "set/set_toml.hpp"

namespace microtome::set {

struct StackFile;

struct FolderFile {
  std::string name;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;  // bytes
  std::int64_t mtime_ns = 0;
  // Learnt from the picture; gone when the file changes.
  std::int32_t width = 0;  // pixels, 0 = not known
  std::int32_t height = 0;
  float um_per_pixel = 0;  // 0 = not known
  bool unreadable = false;
  bool looked_into = false;                          // pages is known
  std::shared_ptr<const StackFile> pages = nullptr;  // of a file that is a set of its own

  [[nodiscard]] std::uint64_t stamp() const;
  [[nodiscard]] bool same_file(const FolderFile& other) const {
    return inode == other.inode && size == other.size && mtime_ns == other.mtime_ns;
  }
};

class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  // Of the folder only these files are seen, no folders and no set.toml; empty: everything.
  void limit_to(std::vector<std::string> names);

  // Brings the listing up to date; true when anything changed. A directory is read again only when its mtime
  // changed (or is so young that a change could hide in the clock's tick); its files are stat'ed again every
  // `restat_ns`, or each time while they are few or were just written. `now_ns`: real time. Where no descriptor is
  // free nothing changes, and starved() tells.
  bool refresh(const io::Roots& roots, std::int64_t now_ns, std::int64_t restat_ns);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] bool starved() const { return starved_; }  // the last refresh() could not open all it wanted to
  [[nodiscard]] const std::vector<FolderFile>& files() const { return files_; }  // pictures, by name (bytes)
  [[nodiscard]] std::vector<FolderFile>& files() { return files_; }
  [[nodiscard]] const std::vector<std::string>& folders() const { return folders_; }  // names, natural order
  [[nodiscard]] const std::vector<std::string>& volumes() const { return volumes_; }  // names, natural order
  [[nodiscard]] const SetToml& toml() const { return toml_; }
  [[nodiscard]] bool has_toml() const { return toml_file_.inode != 0; }
  [[nodiscard]] std::uint64_t toml_stamp() const { return toml_file_.stamp(); }
  [[nodiscard]] std::int64_t mtime_ns() const { return mtime_ns_; }  // newest of all in it
  [[nodiscard]] std::uint64_t device() const { return device_; }
  [[nodiscard]] std::uint64_t inode() const { return inode_; }
  [[nodiscard]] const FolderFile* find(std::string_view name) const;
  [[nodiscard]] FolderFile* find(std::string_view name);

 private:
  bool list(const io::Roots& roots, int descriptor);
  // What was listed, with what is known of files that are still the same. Whether anything is new.
  bool adopt(std::vector<FolderFile> files, std::vector<std::string> folders, std::vector<std::string> volumes);
  bool restat(int descriptor);
  bool refresh_toml(int descriptor);

  std::string path_;
  std::vector<std::string> only_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::int64_t own_mtime_ns_ = -1;  // of the directory when it was read
  std::int64_t read_at_ns_ = 0;
  std::int64_t stat_at_ns_ = 0;
  std::int64_t mtime_ns_ = 0;
  bool gone_ = false;
  bool starved_ = false;
  std::vector<FolderFile> files_;
  std::vector<std::string> folders_;
  std::vector<std::string> volumes_;
  FolderFile toml_file_;
  SetToml toml_;
};

}  // namespace microtome::set
