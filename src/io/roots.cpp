// SPDX-License-Identifier: Apache-2.0
#include "io/roots.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

namespace microtome::io {
namespace {

struct Free {
  void operator()(char* text) const { std::free(text); }  // NOLINT: what realpath asks for
};

std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  if (!real) {
    return std::nullopt;
  }
  return std::string(real.get());
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0;
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_servable(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

bool below(std::string_view path, std::string_view root) {
  if (root == "/") {
    return path.starts_with('/');
  }
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

bool climbs(std::string_view name) {
  while (true) {
    const std::size_t slash = name.find('/');
    if (name.substr(0, slash) == "..") {
      return true;
    }
    if (slash == std::string_view::npos) {
      return false;
    }
    name.remove_prefix(slash + 1);
  }
}

// For the log: a client must not be able to write lines of its own.
std::string printable(std::string_view name) {
  constexpr std::size_t kMost = 200;
  std::string text(name.substr(0, kMost));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return name.size() > kMost ? text + "..." : text;
}

std::unexpected<Error> missing(std::string context) {
  return fail(Code::not_found, "no such picture", std::move(context));
}

// Directory of the textual prefix: itself when it is one, else what stands before its last slash.
std::string prefix_directory(const std::string& prefix) {
  if (is_directory(prefix)) {
    return prefix;
  }
  const std::size_t slash = prefix.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : prefix.substr(0, slash);
}

}  // namespace

Result<Roots> Roots::make(const RootsOptions& options) {
  Roots roots;
  roots.prefix_ = options.prefix;
  roots.suffix_ = options.suffix;
  std::vector<std::string> wanted = options.directories;
  if (wanted.empty() && !options.prefix.empty()) {
    wanted.push_back(prefix_directory(options.prefix));
  }
  for (const std::string& directory : wanted) {
    const auto real = directory.find('\0') == std::string::npos ? real_path(directory) : std::nullopt;
    if (!real || !is_servable(*real)) {
      return fail(Code::bad_request, "a directory to serve does not exist", printable(directory));
    }
    std::vector<std::string>& kind = is_directory(*real) ? roots.real_ : roots.files_;
    if (std::ranges::find(kind, *real) == kind.end()) {
      kind.push_back(*real);
    }
  }
  return roots;
}

bool Roots::contains(std::string_view path) const {
  return std::ranges::any_of(real_, [&](const std::string& root) { return below(path, root); }) ||
         std::ranges::find(files_, path) != files_.end();
}

Result<std::string> Roots::resolve(std::string_view name) const {
  if (name.empty() || name.find('\0') != std::string_view::npos || name.size() >= PATH_MAX) {
    return missing("a name that is empty, too long or holds a NUL byte");
  }
  if (climbs(name)) {
    return missing("\"" + printable(name) + "\" climbs by \"..\", which is never followed");
  }
  std::vector<std::string> candidates;
  const auto add = [&](std::string path) {
    if (!suffix_.empty()) {
      candidates.push_back(path + suffix_);
    }
    candidates.push_back(std::move(path));
  };
  if (!prefix_.empty()) {
    add(prefix_ + std::string(name));
  }
  if (name.front() == '/') {
    add(std::string(name));
  } else {
    for (const std::string& root : real_) {
      add(root + "/" + std::string(name));
    }
    for (const std::string& file : files_) {
      if (std::string_view(file).substr(file.rfind('/') + 1) == name) {
        candidates.push_back(file);
      }
    }
  }
  std::string outside;
  for (const std::string& candidate : candidates) {
    // realpath() looks at every folder on the way; most candidates are no file at all, which one look tells.
    const auto real = exists(candidate) ? real_path(candidate) : std::nullopt;
    if (!real) {
      continue;
    }
    if (!contains(*real)) {
      outside = *real;
    } else if (is_servable(*real)) {
      return *real;
    }
  }
  if (!outside.empty()) {
    const std::size_t slash = outside.rfind('/');
    return missing(
        "\"" + printable(name) + "\" is " + printable(outside) + ", outside of what may be served; --root " +
        printable(outside.substr(0, std::max<std::size_t>(slash, 1))) + " or FILESYSTEM_PREFIX would allow it");
  }
  if (real_.empty() && files_.empty()) {
    return missing("nothing is served: set --root DIR or FILESYSTEM_PREFIX");
  }
  return missing("\"" + printable(name) + "\" is not below any --root DIR or FILESYSTEM_PREFIX");
}

}  // namespace microtome::io
