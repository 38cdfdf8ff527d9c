// SPDX-License-Identifier: Apache-2.0
// The catalogue scans: what lies in the folders, what was learnt of it, and what a name means.
#include <algorithm>

#include "io/file.hpp"
#include "set/disk.hpp"
#include "set/names.hpp"

namespace microtome::set {
namespace {

// A file this young may still be written, or the reader may have seen the one before it: its failure says nothing.
constexpr std::int64_t kYoungFile = 2'000'000'000;
constexpr int kRestat = 10;  // scans between two looks at the files of an unchanged folder

std::int64_t real_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void Disk::refresh() {
  if (fresh() && !has_facts_) {
    return;
  }
  const std::scoped_lock lock(scan_);
  bool changed = apply_facts();
  if (!fresh()) {
    scan();
    changed = true;
  }
  if (changed) {
    publish();
  }
  scanned_at_ = scanned_at_ == 0 ? steady_ms() : scanned_at_.load();
}

void Disk::scan() {
  const std::int64_t began = steady_ms();
  for (auto& [path, node] : nodes_) {
    node->seen = false;
  }
  starved_ = false;
  order_.clear();
  visited_.clear();
  for (const std::string& root : roots_.directories()) {
    const std::string name(base_name(root));
    walk(root, name.empty() ? "root" : name, name.empty() ? "root" : name, 0);
  }
  std::map<std::string, std::vector<std::string>> alone;  // files that are roots, by folder
  for (const std::string& file : roots_.files()) {
    const std::size_t slash = file.rfind('/');
    alone[file.substr(0, slash)].push_back(file.substr(slash + 1));
  }
  for (auto& [folder, names] : alone) {
    const std::string name(base_name(folder));
    walk(folder, name, name, 0, std::move(names));
  }
  std::erase_if(nodes_, [](const auto& item) { return !item.second->seen; });
  for (Node* node : order_) {
    if (node->dirty || node->look_again) {
      node->look_into_files(real_now());
    }
  }
  if (std::ranges::any_of(order_, &Node::dirty)) {
    const std::scoped_lock lock(facts_mutex_);
    told_.clear();
  }
  claim();
  scanned_at_ = std::max<std::int64_t>(began, 1);
}

void Disk::walk(const std::string& path, const std::string& name, const std::string& root_name, int depth,
                std::vector<std::string> only) {
  auto& slot = nodes_[path];
  if (!slot) {
    slot = std::make_unique<Node>(path);
  }
  Node& node = *slot;
  if (node.seen) {
    return;  // a root below another root
  }
  node.seen = true;
  node.folder.limit_to(std::move(only));
  const std::int64_t restat_ns = static_cast<std::int64_t>(options_.rescan_ms) * kRestat * 1'000'000;
  if (node.folder.refresh(roots_, real_now(), restat_ns) || node.name != name) {
    node.dirty = true;
  }
  starved_ = starved_ || node.folder.starved();
  node.name = name;
  node.prefix = depth == 0 ? "" : name + "/";
  node.root_name = root_name;
  if (node.folder.gone() || !visited_.emplace(node.folder.device(), node.folder.inode()).second) {
    node.seen = false;
    return;
  }
  order_.push_back(&node);
  if (depth >= options_.max_depth) {
    return;
  }
  for (const std::string& child : node.folder.folders()) {
    if (order_.size() >= static_cast<std::size_t>(std::max(options_.max_sets, 1)) * 2) {
      log_.warning("more folders below the roots than max_sets allows; the rest is not looked at");
      return;
    }
    const std::string below = "/" + child;
    walk(path + below, depth == 0 ? child : name + below, root_name, depth + 1);
  }
}

bool Disk::apply_facts() {
  std::vector<Fact> facts;
  {
    const std::scoped_lock lock(facts_mutex_);
    facts.swap(facts_);
    has_facts_ = false;
  }
  bool changed = false;
  const std::int64_t now = real_now();
  for (const Fact& fact : facts) {
    const std::size_t slash = fact.path.rfind('/');
    const auto at = slash == std::string::npos ? nodes_.end() : nodes_.find(fact.path.substr(0, slash));
    FolderFile* file =
        at == nodes_.end() ? nullptr : at->second->folder.find(std::string_view(fact.path).substr(slash + 1));
    if (file == nullptr || (fact.damaged && now - file->mtime_ns < kYoungFile)) {
      const std::scoped_lock lock(facts_mutex_);
      told_.erase(fact.print());  // too early; to be told again
      continue;
    }
    if (file->width == fact.width && file->height == fact.height && file->unreadable == fact.damaged) {
      continue;
    }
    file->width = fact.width;
    file->height = fact.height;
    file->um_per_pixel = fact.um_per_pixel;
    file->unreadable = fact.damaged;
    at->second->dirty = true;
    changed = true;
  }
  if (changed) {
    for (auto& [path, node] : nodes_) {
      node->dirty = node->dirty || !node->elsewhere.empty();
    }
  }
  return changed;
}

Result<std::string> Disk::resolve(std::string_view id) {
  auto whole = resolve_whole(id);
  // "NAME;PART", unless something has that very name.
  const auto part = whole ? std::nullopt : image::split_part(id);
  if (!part || part->part.starts_with('@')) {
    return whole;
  }
  auto file = resolve_whole(part->file);
  return file ? *file + ";" + part->part : whole;
}

Result<std::string> Disk::resolve_whole(std::string_view id) {
  refresh();
  for (std::size_t slash = id.rfind('/'); slash != std::string_view::npos && slash > 0;
       slash = id.rfind('/', slash - 1)) {
    const SetPtr set = known(id.substr(0, slash));
    const Slice* slice = set ? set->find_id(id.substr(slash + 1)) : nullptr;
    if (slice != nullptr) {
      if (slice->path.empty()) {
        return fail(Code::not_found, "this slice is missing");
      }
      return slice->path;
    }
  }
  auto path = roots_.resolve(id);
  if (!path) {
    return starved_ ? unknown("no such picture") : path;
  }
  if (!io::File::identify(*path)) {
    return fail(Code::not_found, "no such picture", "not a regular file: " + *path);
  }
  return path;
}

std::shared_ptr<Catalogue> make_catalogue(io::Roots roots, const CatalogueOptions& options, Log log) {
  return std::make_shared<Disk>(std::move(roots), options, std::move(log));
}

}  // namespace microtome::set
