// SPDX-License-Identifier: Apache-2.0
// What the catalogue makes of what it saw: sets, under unique names, in a snapshot that all may read.
#include <algorithm>
#include <cstdlib>

#include "io/file.hpp"
#include "set/disk.hpp"
#include "set/names.hpp"
#include "set/stack_file.hpp"

namespace microtome::set {

std::optional<Located> Disk::locate(const Node& node, std::string_view file) const {
  if (file.empty() || file.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  if (file.find('/') == std::string_view::npos) {
    const FolderFile* found = node.folder.find(file);
    return found != nullptr ? std::optional(Located{node.folder.path() + "/" + found->name, *found}) : std::nullopt;
  }
  const std::string path = file.front() == '/' ? std::string(file) : node.folder.path() + "/" + std::string(file);
  std::string real;
  if (char* resolved = ::realpath(path.c_str(), nullptr)) {
    real = resolved;
    std::free(resolved);  // NOLINT: what realpath asks for
  }
  const std::size_t slash = real.rfind('/');
  if (real.empty() || slash == std::string::npos || !roots_.contains(real)) {
    return std::nullopt;
  }
  const std::string name = real.substr(slash + 1);
  if (const auto at = nodes_.find(real.substr(0, slash)); at != nodes_.end()) {
    if (const FolderFile* found = at->second->folder.find(name)) {
      return Located{real, *found};
    }
  }
  const auto id = io::File::identify(real);
  return id ? std::optional(
                  Located{real, {.name = name, .inode = id->inode, .size = id->size, .mtime_ns = id->mtime_ns}})
            : std::nullopt;
}

// Files that a set.toml names from other folders belong to its set alone: "slices/" beside it is then no set of its
// own.
void Disk::claim() {
  const bool any_change = std::ranges::any_of(order_, [](const Node* node) { return node->dirty; });
  if (!any_change) {
    return;
  }
  std::unordered_set<std::string> claimed;
  for (Node* node : order_) {
    node->elsewhere.clear();
    for (const TomlSlice& slice : node->folder.toml().slices) {
      if (slice.file.find('/') == std::string::npos) {
        continue;
      }
      if (auto located = locate(*node, slice.file)) {
        claimed.insert(located->path);
        node->elsewhere.push_back(std::move(located->path));
      }
    }
    node->dirty = node->dirty || !node->elsewhere.empty();
  }
  if (claimed != claimed_) {
    claimed_ = std::move(claimed);
    for (Node* node : order_) {
      node->dirty = true;
    }
  }
}

std::string Disk::unique_name(const Node& node, const std::string& wanted,
                              const std::unordered_set<std::string>& taken) const {
  if (!taken.contains(wanted)) {
    return wanted;
  }
  std::string name = node.root_name + "/" + wanted;
  for (int i = 2; taken.contains(name); ++i) {
    name = wanted + " (" + std::to_string(i) + ")";
  }
  return name;
}

Set Disk::build(const Node& node, std::size_t at, const std::string& name) const {
  const Locate by_name = [&](std::string_view file) { return locate(node, file); };
  if (at >= node.sequences.size()) {
    return build_stack_set(node.folder, *node.stacks[at - node.sequences.size()], name, by_name);
  }
  const SetToml* toml = at == 0 && node.folder.has_toml() ? &node.folder.toml() : nullptr;
  return build_set(node.folder, node.files, node.sequences[at], toml, name, by_name);
}

void Disk::publish() {
  auto snapshot = std::make_shared<Snapshot>();
  std::unordered_set<std::string> taken;
  std::vector<std::pair<std::string, SetPtr>> aliases;
  for (Node* node : order_) {
    const bool rebuild = node->dirty;
    std::vector<SetPtr> before;
    if (rebuild) {
      arrange(*node);
      before.swap(node->sets);
    }
    for (std::size_t i = 0; i < node->wanted.size(); ++i) {
      if (snapshot->sets.size() >= static_cast<std::size_t>(std::max(options_.max_sets, 1))) {
        break;
      }
      const std::string name = unique_name(*node, node->wanted[i], taken);
      taken.insert(name);
      if (rebuild || i >= node->sets.size() || node->sets[i]->name != name) {
        if (!rebuild && node->files.empty() && node->stacks.empty()) {
          arrange(*node);
        }
        auto set = std::make_shared<const Set>(build(*node, i, name));
        if (i >= before.size() || before[i]->warnings != set->warnings) {
          for (const std::string& warning : set->warnings) {
            log_.warning(node->folder.path() + "/" + warning);
          }
        }
        node->sets.resize(std::max(node->sets.size(), i + 1));
        node->sets[i] = std::move(set);
      }
      snapshot->sets.push_back(node->sets[i]);
      if (i == 0 && node->sets[0]->name != node->name) {
        aliases.emplace_back(node->name, node->sets[0]);
      }
    }
    for (const std::string& volume : node->folder.volumes()) {
      snapshot->volumes.push_back(node->prefix + volume);
    }
    node->dirty = false;
    node->files.clear();  // they point into the folder's list, which the next scan may replace
    node->sequences.clear();
    node->stacks.clear();
  }
  std::ranges::sort(snapshot->sets, [](const SetPtr& a, const SetPtr& b) { return natural_less(a->name, b->name); });
  std::ranges::sort(snapshot->volumes, natural_less);
  const auto same = std::ranges::unique(snapshot->volumes);  // the same path below two roots: the first one is served
  snapshot->volumes.erase(same.begin(), same.end());
  for (const SetPtr& set : snapshot->sets) {
    snapshot->by_name.emplace(set->name, set);
  }
  snapshot->aliases.reserve(aliases.size());
  for (auto& [name, set] : aliases) {
    snapshot->aliases.push_back(std::move(name));
    snapshot->by_name.emplace(snapshot->aliases.back(), set);
  }
  const std::scoped_lock lock(snapshot_mutex_);
  snapshot_ = std::move(snapshot);
}

}  // namespace microtome::set
