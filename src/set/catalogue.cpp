// SPDX-License-Identifier: Apache-2.0
// The catalogue walks the folders below the roots and keeps what it saw. Three locks, never held together but in this
// order: scan_ (one scan at a time, may wait for the disk), facts_mutex_ and snapshot_mutex_ (moments only).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "image/picture.hpp"
#include "io/file.hpp"
#include "set/build.hpp"
#include "set/folder.hpp"
#include "set/hash.hpp"
#include "set/names.hpp"
#include "set/node.hpp"
#include "set/set.hpp"
#include "set/stack_file.hpp"

namespace microtome::set {
namespace {

constexpr std::size_t kMostFacts = 20'000;
// A file this young may still be written, or the reader may have seen the one before it: its failure says nothing.
constexpr std::int64_t kYoungFile = 2'000'000'000;
constexpr int kRestat = 10;  // scans between two looks at the files of an unchanged folder

struct Fact {
  std::string path;
  std::int32_t width = 0;
  std::int32_t height = 0;
  float um_per_pixel = 0;
  bool damaged = false;

  [[nodiscard]] std::uint64_t print() const {
    Hash hash;
    hash.add(path).add(std::int64_t{width}).add(std::int64_t{height}).add(double{um_per_pixel});
    return hash.add(std::int64_t{damaged}).value();
  }
};

struct Snapshot {
  std::vector<SetPtr> sets;                              // by name
  std::unordered_map<std::string_view, SetPtr> by_name;  // keys live in the sets, or in aliases
  std::vector<std::string> aliases;
  std::vector<std::string> volumes;
};

std::int64_t real_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Disk final : public Catalogue {
 public:
  Disk(io::Roots roots, const CatalogueOptions& options, Log log)
      : roots_(std::move(roots)), options_(options), log_(std::move(log)), snapshot_(std::make_shared<Snapshot>()) {}

  [[nodiscard]] bool fresh() const override {
    const auto scanned = scanned_at_.load();
    return scanned != 0 && steady_ms() - scanned < options_.rescan_ms;
  }

  [[nodiscard]] std::vector<SetPtr> sets() override {
    refresh();
    return now()->sets;
  }

  [[nodiscard]] std::vector<std::string> volumes() override {
    refresh();
    return now()->volumes;
  }

  [[nodiscard]] Result<SetPtr> find(std::string_view name) override {
    refresh();
    if (SetPtr set = known(name)) {
      return set;
    }
    return unknown("no such set");
  }

  // Not there; or nobody knows, because folders could not be read.
  [[nodiscard]] std::unexpected<Error> unknown(const char* what) const {
    return starved_ ? fail(Code::overloaded, "too many open files") : fail(Code::not_found, what);
  }

  [[nodiscard]] SetPtr known(std::string_view name) const override {
    const auto snapshot = now();
    const auto at = snapshot->by_name.find(name);
    return at != snapshot->by_name.end() ? at->second : nullptr;
  }

  [[nodiscard]] Result<std::string> resolve(std::string_view id) override;

  void learn(const std::string& path, std::int64_t width, std::int64_t height, std::optional<double> um) override {
    if (width > 0 && height > 0 && width <= INT32_MAX && height <= INT32_MAX) {
      remember({path, static_cast<std::int32_t>(width), static_cast<std::int32_t>(height),
                um && *um > 0 && *um < 1e6 ? static_cast<float>(*um) : 0.0F, false});
    }
  }

  void learn_damaged(const std::string& path) override { remember({.path = path, .damaged = true}); }

 private:
  static std::int64_t steady_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  [[nodiscard]] std::shared_ptr<const Snapshot> now() const {
    const std::scoped_lock lock(snapshot_mutex_);
    return snapshot_;
  }

  void remember(Fact fact) {
    if (image::split_part(fact.path)) {
      return;  // a page: its size is the file's, and what ails it is no other page's fault
    }
    const std::scoped_lock lock(facts_mutex_);
    if (facts_.size() < kMostFacts && told_.insert(fact.print()).second) {
      facts_.push_back(std::move(fact));
      has_facts_ = true;
    }
  }

  [[nodiscard]] Result<std::string> resolve_whole(std::string_view id);
  void refresh();
  void scan();
  void walk(const std::string& path, const std::string& name, const std::string& root_name, int depth,
            std::vector<std::string> only = {});
  bool apply_facts();
  void claim();
  void arrange(Node& node) const { node.arrange(claimed_, options_.filename_pattern); }
  [[nodiscard]] Set build(const Node& node, std::size_t at, const std::string& name) const;
  void publish();
  [[nodiscard]] std::optional<Located> locate(const Node& node, std::string_view file) const;
  [[nodiscard]] std::string unique_name(const Node& node, const std::string& wanted,
                                        const std::unordered_set<std::string>& taken) const;

  const io::Roots roots_;
  const CatalogueOptions options_;
  const Log log_;

  std::mutex scan_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;  // by path
  std::vector<Node*> order_;                            // as walked
  std::set<std::pair<std::uint64_t, std::uint64_t>> visited_;
  std::unordered_set<std::string> claimed_;  // real paths that a set.toml of another folder names

  std::atomic<std::int64_t> scanned_at_ = 0;  // milliseconds of the steady clock
  std::atomic<bool> has_facts_ = false;
  std::atomic<bool> starved_ = false;  // the last scan found no free descriptor for a folder
  std::mutex facts_mutex_;
  std::vector<Fact> facts_;
  std::unordered_set<std::uint64_t> told_;  // what was learnt since files last changed: every tile tells it again
  mutable std::mutex snapshot_mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
};

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
    walk(path + "/" + child, depth == 0 ? child : name + "/" + child, root_name, depth + 1);
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

}  // namespace

std::shared_ptr<Catalogue> make_catalogue(io::Roots roots, const CatalogueOptions& options, Log log) {
  return std::make_shared<Disk>(std::move(roots), options, std::move(log));
}

}  // namespace microtome::set
