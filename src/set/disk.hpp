// SPDX-License-Identifier: Apache-2.0
// Inside of the catalogue: it walks the folders below the roots and keeps what it saw. Three locks, never held
// together but in this order: scan_ (one scan at a time, may wait for the disk), facts_mutex_ and snapshot_mutex_
// (moments only).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "image/picture.hpp"
#include "set/build.hpp"
#include "set/hash.hpp"
#include "set/node.hpp"
#include "set/set.hpp"

namespace microtome::set {

inline constexpr std::size_t kMostFacts = 20'000;

// What somebody learnt who opened a file.
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

}  // namespace microtome::set
