// SPDX-License-Identifier: Apache-2.0
#include "set/node.hpp"

#include <algorithm>
#include <string_view>

#include "set/stack_file.hpp"

namespace microtome::set {
namespace {

constexpr std::size_t kFewTiffs = 32;   // more are a series of slices, and opening all would take long
constexpr std::size_t kMostOmes = 512;  // whose names say what they are, in one folder
// A file this young may still be written: what cannot be read of it is looked at again.
constexpr std::int64_t kYoungFile = 10'000'000'000;

}  // namespace

std::unordered_set<std::string_view> Node::members_of_stacks() const {
  std::unordered_set<std::string_view> members;
  for (const FolderFile& file : folder.files()) {
    if (!file.pages || members.contains(file.name)) {
      continue;
    }
    for (const auto& [plane, other] : file.pages->stack->elsewhere) {
      if (other.file != file.name) {
        members.insert(other.file);
      }
    }
  }
  return members;
}

void Node::look_into_files(std::int64_t now_ns) {
  look_again = false;
  std::size_t tiffs = 0;
  for (const FolderFile& file : folder.files()) {
    bool says_so = false;
    tiffs += may_hold_pages(file.name, says_so) && !says_so ? 1 : 0;
  }
  std::size_t omes = 0;
  std::unordered_set<std::string_view> members = members_of_stacks();
  for (FolderFile& file : folder.files()) {
    bool says_so = false;
    if (!may_hold_pages(file.name, says_so) || (!says_so && tiffs > kFewTiffs) || members.contains(file.name) ||
        (says_so && ++omes > kMostOmes) || file.looked_into || file.size == 0) {
      continue;
    }
    auto found = look_into(folder.path() + "/" + file.name);
    if (found) {
      file.pages = std::move(*found);
    }
    const bool lasting = found || (found.error().code != Code::overloaded && now_ns - file.mtime_ns > kYoungFile);
    file.looked_into = lasting;
    look_again = look_again || !lasting;
    if (file.pages) {
      dirty = true;
      members = members_of_stacks();
    }
  }
}

void Node::arrange(const std::unordered_set<std::string>& claimed, const std::string& filename_pattern) {
  wanted.clear();
  files.clear();
  sequences.clear();
  stacks.clear();
  const SetToml& toml = folder.toml();
  std::unordered_set<std::string_view> named;   // set.toml speaks of them: slices of its set
  std::unordered_set<std::string_view> placed;  // it gives them their numbers
  for (const TomlSlice& slice : toml.slices) {
    if (!slice.file.empty()) {
      named.insert(slice.file);
    }
    if (slice.number && !slice.file.empty()) {
      placed.insert(slice.file);
    }
  }
  const auto members = members_of_stacks();
  std::vector<std::string_view> names;
  for (const FolderFile& file : folder.files()) {
    if (placed.contains(file.name) || (!claimed.empty() && claimed.contains(folder.path() + "/" + file.name))) {
      continue;
    }
    if (!named.contains(file.name) && members.contains(file.name)) {
      continue;
    }
    if (!named.contains(file.name) && file.pages) {
      stacks.push_back(&file);
      continue;
    }
    files.push_back(&file);
    names.push_back(file.name);
  }
  sequences = find_sequences(names, filename_pattern);
  if (sequences.empty() && !toml.slices.empty()) {
    sequences.emplace_back();
  }
  const std::string base = toml.name.empty() ? name : toml.name;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const std::string& stem = sequences[i].stem;
    const bool own = stem.empty() || (i == 0 && folder.has_toml());
    std::string& next = wanted.emplace_back(base);
    if (!own) {
      next.append("/").append(stem);
    }
  }
  for (const FolderFile* file : stacks) {
    wanted.push_back(prefix + file->name);
  }
}

}  // namespace microtome::set
