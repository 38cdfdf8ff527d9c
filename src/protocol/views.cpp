// SPDX-License-Identifier: Apache-2.0
#include "protocol/views.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "set/names.hpp"

namespace microtome::protocol {
namespace {

constexpr int kMostEntries = 500'000;

// Adds the files of `directory` that are positions of `base`.
void collect(const io::Roots& roots, const std::string& directory, std::string_view base, std::string_view pattern,
             std::map<Views::Position, std::string>& paths) {
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  const std::filesystem::directory_iterator end;
  for (int seen = 0; !error && entries != end && seen < kMostEntries; entries.increment(error), ++seen) {
    const std::string name = entries->path().filename().string();
    if (!name.starts_with(base) || !set::is_picture_name(name)) {
      continue;
    }
    const auto position = set::position_of(set::stem_of(name), pattern);
    std::error_code ignored;
    if (!position || position->name != base || !entries->is_regular_file(ignored)) {
      continue;
    }
    if (entries->is_symlink(ignored)) {
      const auto real = std::filesystem::canonical(entries->path(), ignored);
      if (ignored || !roots.contains(real.string())) {
        continue;
      }
    }
    std::string& slot = paths[{position->horizontal, position->vertical}];
    if (slot.empty() || set::format_rank(name) < set::format_rank(slot)) {
      slot = directory;
      slot.append("/").append(name);
    }
  }
}

}  // namespace

Result<std::string> Views::path(std::optional<std::int64_t> x, std::optional<std::int64_t> y) const {
  const std::int64_t column = x.value_or(paths_.empty() ? 0 : paths_.begin()->first.first);
  const std::string* best = nullptr;
  std::int64_t best_off = 0;
  for (auto at = paths_.lower_bound({column, INT64_MIN}); at != paths_.end() && at->first.first == column; ++at) {
    const std::int64_t row = at->first.second;
    const std::int64_t off = y ? 0 : std::abs(row - kUsualVertical);
    if (y ? row == *y : best == nullptr || off < best_off) {
      best = &at->second;
      best_off = off;
    }
  }
  if (best == nullptr) {
    return fail(Code::not_found, "the sequence has no such position");
  }
  return *best;
}

std::vector<std::int64_t> Views::horizontal() const {
  std::set<std::int64_t> usual;
  std::set<std::int64_t> all;
  for (const auto& [position, path] : paths_) {
    all.insert(position.first);
    if (position.second == kUsualVertical) {
      usual.insert(position.first);
    }
  }
  const auto& chosen = usual.empty() ? all : usual;
  return {chosen.begin(), chosen.end()};
}

std::vector<std::int64_t> Views::vertical() const {
  std::vector<std::int64_t> all;
  const std::int64_t column = paths_.empty() ? 0 : paths_.begin()->first.first;
  for (auto at = paths_.lower_bound({column, INT64_MIN}); at != paths_.end() && at->first.first == column; ++at) {
    all.push_back(at->first.second);
  }
  return all;
}

Result<Views> find_views(const io::Roots& roots, std::string_view name, std::string_view pattern) {
  const std::size_t slash = name.rfind('/');
  const std::string_view base = slash == std::string_view::npos ? name : name.substr(slash + 1);
  std::map<Views::Position, std::string> paths;
  if (!base.empty() && !pattern.empty() && name.find('\0') == std::string_view::npos) {
    if (slash == std::string_view::npos) {
      for (const std::string& root : roots.directories()) {
        if (paths.empty()) {
          collect(roots, root, base, pattern, paths);
        }
      }
    } else if (const auto directory = roots.resolve(name.substr(0, std::max<std::size_t>(slash, 1)))) {
      collect(roots, *directory, base, pattern, paths);
    }
  }
  if (paths.empty()) {
    return fail(Code::not_found, "no such picture");
  }
  return Views(std::move(paths));
}

}  // namespace microtome::protocol
