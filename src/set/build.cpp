// SPDX-License-Identifier: Apache-2.0
#include "set/build.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "set/hash.hpp"
#include "set/names.hpp"

namespace microtome::set {
namespace {

constexpr std::size_t kMostWarnings = 100;

class Builder {
 public:
  Builder(const Folder& folder, const SetToml* toml, std::string name) : folder_(folder), toml_(toml) {
    set_.name = std::move(name);
    set_.title = toml != nullptr && !toml->title.empty() ? toml->title : set_.name;
    set_.directory = folder.path();
    set_.mtime_ns = folder.mtime_ns();
    if (toml != nullptr) {
      set_.warnings = toml->warnings;
      set_.pixel_size_um = toml->pixel_size_um;
      set_.spacing_um = toml->spacing_um;
    }
  }

  void add(const FolderFile& file, std::int64_t number) {
    Slice slice;
    slice.number = number;
    slice.name = stem_of(file.name);
    slice.path = folder_.path() + "/" + file.name;
    describe(file, slice);
    set_.slices.push_back(std::move(slice));
  }

  void apply(const Locate& locate) {
    std::unordered_map<std::string, std::size_t> by_path;
    for (std::size_t i = 0; i < set_.slices.size(); ++i) {
      by_path.emplace(set_.slices[i].path, i);
      named_.emplace(set_.slices[i].number, i);
    }
    for (const TomlSlice& said : toml_->slices) {
      apply(said, locate, by_path);
    }
    settle_numbers();
  }

  Set finish() {
    by_number();
    fill_gaps();
    set_.slices.shrink_to_fit();
    for (Slice& slice : set_.slices) {
      slice.id = set_.name + "/" + std::to_string(slice.number);
      if (slice.name.empty()) {
        slice.name = std::to_string(slice.number);
      }
    }
    place();
    stamp();
    if (!set_.pixel_size_um && learnt_um_ > 0) {
      set_.pixel_size_um = learnt_um_;
    }
    return std::move(set_);
  }

 private:
  // Places that nobody gave: between two slices that have theirs in proportion to the numbers, so that a gap lies
  // where its slice was cut; else number x spacing.
  void place() {
    std::vector<std::pair<Slice*, double>> placed;
    const Slice* before = nullptr;
    auto after = set_.slices.begin();
    for (auto slice = set_.slices.begin(); slice != set_.slices.end(); ++slice) {
      if (slice->z_um) {
        before = &*slice;
        continue;
      }
      if (after <= slice) {
        after = std::find_if(slice, set_.slices.end(), [](const Slice& other) { return other.z_um.has_value(); });
      }
      if (before != nullptr && after != set_.slices.end()) {
        placed.emplace_back(&*slice, *before->z_um + (*after->z_um - *before->z_um) *
                                                         static_cast<double>(slice->number - before->number) /
                                                         static_cast<double>(after->number - before->number));
      } else if (set_.spacing_um) {
        placed.emplace_back(&*slice, static_cast<double>(slice->number) * *set_.spacing_um);
      }
    }
    for (const auto& [slice, z_um] : placed) {
      slice->z_um = z_um;  // only now: what was worked out is no slice's own place
    }
  }

  void warn(std::uint32_t line, const std::string& what) {
    if (set_.warnings.size() < kMostWarnings) {
      set_.warnings.push_back("set.toml:" + std::to_string(line) + ": " + what);
    }
  }

  void describe(const FolderFile& file, Slice& slice) {
    slice.width = file.width;
    slice.height = file.height;
    slice.stamp = file.stamp();
    slice.mtime_ns = file.mtime_ns;
    slice.status = file.size == 0 || file.unreadable ? Status::damaged : Status::ok;
    if (learnt_um_ == 0 && file.um_per_pixel > 0) {
      // Float to double by way of what it reads like: 0.499 stays 0.499.
      learnt_um_ = std::round(static_cast<double>(file.um_per_pixel) * 1e6) / 1e6;
    }
  }

  void apply(const TomlSlice& said, const Locate& locate, std::unordered_map<std::string, std::size_t>& by_path) {
    const bool again = said.number && !numbers_.insert(*said.number).second;
    if (again) {
      warn(said.line, "number " + std::to_string(*said.number) + " is given twice");
    }
    std::optional<std::size_t> at;
    if (!said.file.empty()) {
      at = find_file(said, locate, by_path);
    } else if (const auto same = named_.find(*said.number); same != named_.end()) {
      at = same->second;
    }
    if (again) {
      return;  // its file, if any, is in the list and gets a number of its own
    }
    if (!at && said.number) {
      at = set_.slices.size();
      Slice slice;
      slice.status = Status::missing;
      set_.slices.push_back(std::move(slice));
    }
    if (!at) {
      return;
    }
    if (!said_.insert(*at).second) {
      warn(said.line, "this slice is described twice");
      return;
    }
    override(said, set_.slices[*at]);
  }

  // Index of the slice whose file this is; a file from elsewhere becomes a new slice.
  std::optional<std::size_t> find_file(const TomlSlice& said, const Locate& locate,
                                       std::unordered_map<std::string, std::size_t>& by_path) {
    auto located = locate(said.file);
    if (!located) {
      warn(said.line, "file not found");
      return std::nullopt;
    }
    const auto [at, fresh] = by_path.emplace(located->path, set_.slices.size());
    if (!fresh) {
      return at->second;
    }
    if (!said.number) {
      by_path.erase(at);
      warn(said.line, "a file that is not in this folder's series needs a number");
      return std::nullopt;
    }
    Slice slice;
    slice.number = *said.number;
    slice.name = stem_of(said.file);
    slice.path = located->path;
    describe(located->file, slice);
    set_.slices.push_back(std::move(slice));
    return at->second;
  }

  static void override(const TomlSlice& said, Slice& slice) {
    if (said.number) {
      slice.number = *said.number;
    }
    if (!said.name.empty()) {
      slice.name = said.name;
    }
    slice.z_um = said.z_um;
    slice.transform = said.transform;
    if (said.status == Status::missing) {
      slice.status = Status::missing;
      slice.path.clear();
      slice.stamp = 0;
      slice.mtime_ns = 0;
    } else if (said.status == Status::damaged && slice.status != Status::missing) {
      slice.status = Status::damaged;
    }
  }

  // Numbers are unique: what set.toml says goes first, files that lose theirs move behind the last.
  void settle_numbers() {
    std::unordered_set<std::int64_t> taken;
    std::vector<std::size_t> losers;
    std::int64_t last = 0;
    for (const bool said : {true, false}) {
      for (std::size_t i = 0; i < set_.slices.size(); ++i) {
        if (said_.contains(i) != said) {
          continue;
        }
        if (taken.insert(set_.slices[i].number).second) {
          last = std::max(last, set_.slices[i].number);
        } else {
          losers.push_back(i);
        }
      }
    }
    for (const std::size_t i : losers) {
      set_.slices[i].number = ++last;
    }
  }

  void by_number() { std::ranges::sort(set_.slices, {}, &Slice::number); }

  void fill_gaps() {
    std::vector<std::int64_t> numbers;
    numbers.reserve(set_.slices.size());
    for (const Slice& slice : set_.slices) {
      numbers.push_back(slice.number);
    }
    set_.step = toml_ != nullptr && toml_->step ? *toml_->step : common_step(numbers);
    const std::vector<std::int64_t> missing = missing_numbers(numbers, set_.step);
    set_.step = std::max<std::int64_t>(set_.step, 1);
    for (const std::int64_t number : missing) {
      Slice slice;
      slice.number = number;
      slice.status = Status::missing;
      set_.slices.push_back(std::move(slice));
    }
    if (!missing.empty()) {
      by_number();
    }
  }

  // Before what was learnt is filled in: a version stays when a size becomes known.
  void stamp() {
    Hash hash;
    hash.add(toml_ != nullptr ? folder_.toml_stamp() : 0)
        .add(set_.name)
        .add(set_.title)
        .add(set_.pixel_size_um.value_or(0))
        .add(set_.spacing_um.value_or(0))
        .add(set_.step);
    for (const Slice& slice : set_.slices) {
      hash.add(slice.number).add(slice.name).add(slice.path).add(slice.stamp).add(slice.z_um.value_or(-1e300));
      hash.add(static_cast<std::uint64_t>(slice.status == Status::missing ? 1 : 0));
      if (slice.transform) {
        for (const double value : *slice.transform) {
          hash.add(value);
        }
      }
    }
    set_.version = hash.value();
  }

  const Folder& folder_;
  const SetToml* toml_;
  Set set_;
  double learnt_um_ = 0;
  std::unordered_map<std::int64_t, std::size_t> named_;  // slices by the numbers in their names
  std::unordered_set<std::size_t> said_;                 // slices that set.toml describes
  std::unordered_set<std::int64_t> numbers_;             // that set.toml has given
};

}  // namespace

Set build_set(const Folder& folder, const std::vector<const FolderFile*>& files, const Sequence& sequence,
              const SetToml* toml, std::string name, const Locate& locate) {
  Builder builder(folder, toml, std::move(name));
  for (const Member& member : sequence.members) {
    builder.add(*files[member.file], member.number);
  }
  if (toml != nullptr) {
    builder.apply(locate);
  }
  return builder.finish();
}

}  // namespace microtome::set
