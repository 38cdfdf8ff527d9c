// SPDX-License-Identifier: Apache-2.0
// StackFile: a file of several pages as a set of its own, whose slices are its planes. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "image/picture.hpp"
#include "set/build.hpp"
#include "set/folder.hpp"
#include "set/set.hpp"

namespace microtome::set {

// What was seen when the file was looked into.
struct StackFile {
  std::shared_ptr<const image::Stack> stack;
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
  std::optional<double> um_per_pixel;
};

// Whether a file of this name may hold several pages; `says_so`: whether its name says that it is an OME-TIFF.
[[nodiscard]] bool may_hold_pages(std::string_view name, bool& says_so);

// Null when the file holds one picture, or pages of several sizes, which are no slices of anything. Reads headers and
// directories; blocks.
[[nodiscard]] Result<std::shared_ptr<const StackFile>> look_into(const std::string& path);

// Its slices, numbered from 0: the planes along the depth, then those of the next moment; a plane of several channels
// is shown merged where the file gives colours to all of them, else by its first channel. A file of nothing but
// channels has those for slices. `locate` finds other files of the same folder that planes lie in.
[[nodiscard]] Set build_stack_set(const Folder& folder, const FolderFile& file, std::string name,
                                  const Locate& locate);

}  // namespace microtome::set
