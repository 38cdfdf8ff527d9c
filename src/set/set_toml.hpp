// SPDX-License-Identifier: Apache-2.0
// set.toml: what people say about a set (docs/formats/set-toml.md). Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "set/set.hpp"

namespace microtome::set {

struct TomlSlice {
  std::uint32_t line = 0;
  std::optional<std::int64_t> number;
  std::string file;  // relative to the folder of set.toml; "" when not given
  std::string name;
  std::optional<double> z_um;
  std::optional<Affine> transform;
  std::optional<Status> status;
};

struct SetToml {
  std::string name;
  std::string title;
  std::optional<double> pixel_size_um;
  std::optional<double> spacing_um;
  std::optional<std::int64_t> step;  // usual distance between numbers; 0: gaps are not looked for
  std::vector<TomlSlice> slices;
  std::vector<std::string> warnings;  // "set.toml:12: ..."; a file that does not parse gives one and nothing else
};

inline constexpr std::size_t kMostTomlBytes = 16U << 20;

// Never fails: what cannot be used is left out and named in `warnings`.
[[nodiscard]] SetToml parse_set_toml(std::string_view text);

// What a set may be called: UTF-8 without control characters, 1 to 200 bytes, no empty, "." or ".." part between
// slashes.
[[nodiscard]] bool is_set_name(std::string_view name);

}  // namespace microtome::set
