// SPDX-License-Identifier: Apache-2.0
// Set: the slices of one specimen in order, with spacing and registration. A set is a folder of pictures that people
// already have; set.toml in it may say more. Immutable snapshots, shared between threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "io/roots.hpp"

namespace microtome::set {

enum class Status : std::uint8_t { ok, damaged, missing };

// Affine in physical units: x' = a*x + b*y + c, y' = d*x + e*y + f, micrometres of the slice -> micrometres of the
// set (pixels -> pixels where no pixel size is known). (x, y) is the position from the slice's top left corner.
using Affine = std::array<double, 6>;

struct Slice {
  std::int64_t number = 0;
  std::string name;        // shown: file name without extension, or what set.toml says
  std::string id;          // "{set}/{slice}" for URLs: the part after the set's name is unique in the set
  std::string path;        // real path; empty for a missing slice
  std::int64_t width = 0;  // pixels; 0 = not known yet
  std::int64_t height = 0;
  std::optional<double> z_um;  // micrometres along the stack
  Status status = Status::ok;
  std::optional<Affine> transform;
  std::uint64_t stamp = 0;    // of the file: changes with its inode, size or time; 0 for a missing slice
  std::int64_t mtime_ns = 0;  // of the file
};

struct Set {
  std::string name;  // unique in the catalogue, used in links: path below the root, or set.toml's name
  std::string title;
  std::string directory;  // real path
  std::optional<double> pixel_size_um;
  std::optional<double> spacing_um;
  std::vector<Slice> slices;          // by number, which is unique; gaps listed as missing
  std::int64_t step = 1;              // usual distance between consecutive numbers
  std::vector<std::string> warnings;  // about set.toml: "set.toml:12: ..."
  // Changes whenever a file or set.toml changes; not when a size is learnt, so that URLs which carry it stay good.
  std::uint64_t version = 0;
  std::int64_t mtime_ns = 0;  // newest of directory, files and set.toml

  [[nodiscard]] const Slice* find(std::int64_t number) const;
  [[nodiscard]] const Slice* find_id(std::string_view slice) const;  // by number, name or file name
};

using SetPtr = std::shared_ptr<const Set>;

struct CatalogueOptions {
  std::string filename_pattern = "_pyr_";  // FILENAME_PATTERN
  int rescan_ms = 1000;                    // new files appear within this time
  int max_depth = 6;                       // folders below a root
  int max_sets = 10000;
};

// All sets below the roots, kept fresh. Thread-safe. Scanning reads directories, and of new TIFFs what says how many
// pages they have; call it on a worker unless fresh() says that the answer is in memory.
class Catalogue {
 public:
  virtual ~Catalogue() = default;
  [[nodiscard]] virtual bool fresh() const = 0;
  [[nodiscard]] virtual std::vector<SetPtr> sets() = 0;  // by name
  // Woolz objects, as paths below a root, in natural order.
  [[nodiscard]] virtual std::vector<std::string> volumes() = 0;
  [[nodiscard]] virtual Result<SetPtr> find(std::string_view name) = 0;
  // Real path of "{set}/{slice}" or of a picture below a root ("/" plain; caller has percent-decoded).
  [[nodiscard]] virtual Result<std::string> resolve(std::string_view id) = 0;
  // The set as last seen, or null; from memory, perhaps stale. Never blocks.
  [[nodiscard]] virtual SetPtr known(std::string_view name) const = 0;
  // Sizes learnt when a slice was opened; kept until the file changes. find() and sets() show them at once, known()
  // after the next scan. Never blocks.
  virtual void learn(const std::string& path, std::int64_t width, std::int64_t height,
                     std::optional<double> um_per_pixel) = 0;
  // The file could not be read as a picture: Status::damaged until it changes or learn() says otherwise; not believed
  // of a file that was written a moment ago. Never blocks.
  virtual void learn_damaged(const std::string& path) = 0;
};

[[nodiscard]] std::shared_ptr<Catalogue> make_catalogue(io::Roots roots, const CatalogueOptions& options, Log log);

}  // namespace microtome::set
