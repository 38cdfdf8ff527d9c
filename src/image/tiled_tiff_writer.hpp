// SPDX-License-Identifier: Apache-2.0
// TiledTiffWriter: a BigTIFF whose tiles are written as they come, directories last. Little endian; a file that was
// not finished has no directory. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "image/picture.hpp"
#include "io/atomic_file.hpp"

namespace microtome::image {

struct TiledTiffKind {
  int channels = 3;
  int bits = 8;           // 8 or 16
  bool alpha = false;     // the last channel, not premultiplied
  bool jpeg = true;       // else deflate with horizontal differences
  int chroma_across = 1;  // sampling factors of JPEG's luma against its chroma
  int chroma_down = 1;
  ByteView icc = {};        // must outlive the writer
  std::string description;  // of the first level
};

class TiledTiffWriter {
 public:
  // `file` must outlive the writer; nothing has been written to it.
  TiledTiffWriter(io::AtomicFile& file, TiledTiffKind kind, std::vector<Level> levels);

  // Writes the header.
  [[nodiscard]] Result<void> begin();
  // The compressed bytes of a tile; any order, each tile once.
  [[nodiscard]] Result<void> add(int level, std::int64_t x, std::int64_t y, ByteView bytes);
  // Writes the directories and makes the header point to them. Tiles that were not added are empty.
  [[nodiscard]] Result<void> finish();

 private:
  struct Tiles {
    std::vector<std::uint64_t> offsets;
    std::vector<std::uint32_t> sizes;
  };
  [[nodiscard]] Result<std::uint64_t> append(ByteView bytes);
  [[nodiscard]] Bytes directory(std::size_t level, std::uint64_t at, std::uint64_t icc_at) const;

  io::AtomicFile& file_;
  TiledTiffKind kind_;
  std::vector<Level> levels_;
  std::vector<Tiles> tiles_;
  std::uint64_t size_ = 0;
};

}  // namespace microtome::image
