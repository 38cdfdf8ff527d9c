// SPDX-License-Identifier: Apache-2.0
// PyramidShelf: where pyramids of pictures without one are kept, under which names, and how much room they and other
// files that can be made again (bricks of Woolz objects) take together. docs/formats/pyramids.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/file.hpp"

namespace microtome::engine {

struct PyramidOptions {
  bool on = false;
  std::string directory;                      // "": `set.cache` beside each picture
  std::string fallback;                       // where that cannot be written; "": nowhere
  std::uint64_t quota_bytes = 20ULL << 30;    // of all files that can be made again; 0 = no limit
  std::uint64_t min_pixels = 4'000'000;       // smaller pictures are decoded quickly enough
  std::uint64_t max_held_bytes = 512U << 20;  // decoded pixels held while one is made; what needs more gets none
  int min_age_ms = 2000;                      // of a picture: a younger one may still be being written
  int keep_ms = 3'600'000;                    // what was used since is not removed for room
  std::vector<std::string> roots = {};        // searched, with what lies below, for what takes room
  std::vector<std::string> folders = {};      // the same for folders of bricks
};

// find() and place() are thread-safe; the rest is for one thread. All block on the disk.
class PyramidShelf {
 public:
  explicit PyramidShelf(PyramidOptions options) : options_(std::move(options)) {}

  // The pyramid of this state of the picture at `path`; says that it was used.
  [[nodiscard]] std::optional<io::FilePtr> find(const std::string& path, const io::FileId& id) const;

  // Where one is to be written: the folder exists and may be written to. Code::io when there is no such place.
  [[nodiscard]] Result<std::string> place(const std::string& path, const io::FileId& id) const;

  // Removes what is left of earlier states of the picture whose pyramid is `target`.
  static void drop_stale(const std::string& target);

  // Removes files, those first that were not used for longest, until `bytes` more fit in. False when they do not.
  [[nodiscard]] bool make_room(std::uint64_t bytes);
  // A file was made. Until make_room() searches again, it is known by this.
  void add(const std::string& path, std::uint64_t bytes);

 private:
  struct Kept {
    std::string path;
    std::uint64_t bytes = 0;
    std::int64_t used_ns = 0;  // since 1970
  };
  [[nodiscard]] std::vector<std::string> places(const std::string& path, const io::FileId& id) const;
  void search();
  void search_folder(const std::string& folder, int depth);
  void look_at(const std::string& path, std::string_view name, bool in_cache);

  PyramidOptions options_;
  std::vector<Kept> kept_;
  std::size_t folders_seen_ = 0;
  std::optional<std::chrono::steady_clock::time_point> searched_;
};

}  // namespace microtome::engine
