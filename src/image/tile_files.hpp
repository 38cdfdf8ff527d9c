// SPDX-License-Identifier: Apache-2.0
// The tiles of a DeepZoom pyramid as files: in the folder NAME_files beside NAME.dzi, or in a zip with both inside.
// Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/file.hpp"

namespace microtome::image {

// One tile: a range of a file, or bytes where it had to be unpacked.
struct TileBytes {
  io::FileRange range;
  Bytes unpacked;  // instead of the range, when that has no file
  [[nodiscard]] Result<Bytes> read() const;
};

class TileFiles {
 public:
  virtual ~TileFiles() = default;
  // Of DeepZoom's level; nullopt when there is none (blank tiles may be left out). Blocks.
  [[nodiscard]] virtual Result<std::optional<TileBytes>> find(int level, std::int64_t x, std::int64_t y) const = 0;
  [[nodiscard]] virtual std::size_t memory() const = 0;
};

// Beside the file `dzi`; nothing outside of its folder is read, whatever links lie in it. `format`: letters and
// digits.
[[nodiscard]] std::unique_ptr<TileFiles> tiles_beside(const io::FilePtr& dzi, const std::string& format);

// A zip: its first .dzi and the tiles of that. Entries that are stored are ranges of the file; deflated ones are
// unpacked. Zip64 is understood, encryption is not. Code::unsupported without a .dzi.
struct ZippedPyramid {
  std::string dzi;  // its text
  std::unique_ptr<TileFiles> tiles;
};
[[nodiscard]] Result<ZippedPyramid> open_zip(const io::FilePtr& file);

}  // namespace microtome::image
