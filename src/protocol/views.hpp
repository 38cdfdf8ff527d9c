// SPDX-License-Identifier: Apache-2.0
// Views: the files of a FILENAME_PATTERN sequence, "{name}{pattern}{x}_{y}.{ext}": x is the horizontal position (the
// slice, the angle), y the vertical one, 90 by default. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "io/roots.hpp"

namespace microtome::protocol {

inline constexpr std::int64_t kUsualVertical = 90;

class Views {
 public:
  using Position = std::pair<std::int64_t, std::int64_t>;  // x, y

  explicit Views(std::map<Position, std::string> paths) : paths_(std::move(paths)) {}

  // The file at a position. Without `x` the first one; without `y` 90, else the nearest to it. Code::not_found.
  [[nodiscard]] Result<std::string> path(std::optional<std::int64_t> x, std::optional<std::int64_t> y) const;
  [[nodiscard]] std::vector<std::int64_t> horizontal() const;  // ascending
  [[nodiscard]] std::vector<std::int64_t> vertical() const;

 private:
  std::map<Position, std::string> paths_;
};

// Looks for the sequence `name` (percent-decoded) below the roots; blocks as reading one directory does. No position
// needs to exist, nothing in the name is a wildcard. Code::not_found when there is no file of it.
[[nodiscard]] Result<Views> find_views(const io::Roots& roots, std::string_view name, std::string_view pattern);

}  // namespace microtome::protocol
