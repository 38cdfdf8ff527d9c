// SPDX-License-Identifier: Apache-2.0
// Builds a Set from what a folder holds, what its names say and what set.toml says. Pure; thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "set/folder.hpp"
#include "set/sequence.hpp"
#include "set/set.hpp"

namespace microtome::set {

// A file that set.toml names: real path and state; nullopt when there is none or it lies below no root.
struct Located {
  std::string path;
  FolderFile file;
};
using Locate = std::function<std::optional<Located>(std::string_view name)>;

// `sequence.members` index `files`. `toml` is null for sets that set.toml does not speak of. Slices of set.toml are
// found by file, then by number; new ones are added; a number that is taken goes to set.toml's slice, and the
// file that had it moves behind the last one.
[[nodiscard]] Set build_set(const Folder& folder, const std::vector<const FolderFile*>& files,
                            const Sequence& sequence, const SetToml* toml, std::string name, const Locate& locate);

}  // namespace microtome::set
