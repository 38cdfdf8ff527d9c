// SPDX-License-Identifier: Apache-2.0
// Types of files by the ends of their names (mimetype.assign). Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace microtome::host {

class MimeTable {
 public:
  explicit MimeTable(const std::vector<std::pair<std::string, std::string>>& ends);
  // The type of the longest end that fits the name (the last part of a path), in any case of letters; that of "" when
  // none does, and empty without that.
  [[nodiscard]] std::string_view find(std::string_view name) const;

 private:
  std::unordered_map<std::string, std::string> types_;
  std::vector<std::size_t> lengths_;  // of the ends, longest first
};

}  // namespace microtome::host
