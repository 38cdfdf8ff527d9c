// SPDX-License-Identifier: Apache-2.0
// Node: a folder in the catalogue, and how what lies in it is cut into sets. Not thread-safe: the catalogue holds its
// lock.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "set/folder.hpp"
#include "set/sequence.hpp"
#include "set/set.hpp"

namespace microtome::set {

struct Node {
  explicit Node(std::string path) : folder(std::move(path)) {}
  Folder folder;
  std::string name;    // path below the root, or the root's own name
  std::string prefix;  // of paths below the root: "" or "folder/"
  std::string root_name;
  bool dirty = true;
  bool seen = false;
  bool look_again = false;             // a file could not be looked into yet
  std::vector<std::string> elsewhere;  // files of other folders that set.toml names: real paths
  // Its sets, series first; wanted are their names before they are made unique. What files and stacks point to is the
  // folder's until it is read again.
  std::vector<std::string> wanted;
  std::vector<const FolderFile*> files;
  std::vector<Sequence> sequences;
  std::vector<const FolderFile*> stacks;
  std::vector<SetPtr> sets;

  // Looks into files that may hold several pages and were not looked into since they changed: those whose names say
  // so, and any TIFF where there are few. Reads the disk. `now_ns`: real time.
  void look_into_files(std::int64_t now_ns);

  // Cuts the folder's pictures into series and stacks, and says what each would like to be called. `claimed`: real
  // paths of files that belong to sets of other folders.
  void arrange(const std::unordered_set<std::string>& claimed, const std::string& filename_pattern);

 private:
  // Files that hold planes of a stack whose description lies in another file.
  [[nodiscard]] std::unordered_set<std::string_view> members_of_stacks() const;
};

}  // namespace microtome::set
