// SPDX-License-Identifier: Apache-2.0
// Roots: what may be served. Turns the name a client gave into the real path of a regular file or directory below one
// of the roots, or Code::not_found with a context that says which setting would allow it.
// Immutable; thread-safe. Blocks only as stat does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace microtome::io {

struct RootsOptions {
  std::vector<std::string> directories;  // --root, in order of search; one may be a file, which is then served alone
  std::string prefix;                    // FILESYSTEM_PREFIX: put in front of names as text, as iipsrv does
  std::string suffix;                    // FILESYSTEM_SUFFIX
};

class Roots {
 public:
  // Code::bad_request when a directory, or file, does not exist.
  static Result<Roots> make(const RootsOptions& options);

  // `name` is percent-decoded. Relative names are looked up below each root (and after the prefix); absolute ones
  // must lie below a root. "..", NUL and symbolic links that leave every root are Code::not_found. With a prefix and
  // no root the prefix's directory is the root.
  [[nodiscard]] Result<std::string> resolve(std::string_view name) const;

  // True when `real_path` (no links in it) lies below a root, or is one.
  [[nodiscard]] bool contains(std::string_view real_path) const;
  [[nodiscard]] const std::vector<std::string>& directories() const { return real_; }
  // Roots that are files: real paths.
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }

 private:
  std::vector<std::string> real_;
  std::vector<std::string> files_;
  std::string prefix_;
  std::string suffix_;
};

}  // namespace microtome::io
