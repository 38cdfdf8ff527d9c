// SPDX-License-Identifier: Apache-2.0
// StoredTiles: where the tiles of one TIFF level lie and what makes each a whole JPEG or WebP file.
//
// Everything that decides how a JPEG tile can be passed on stands before its first scan: frame header, tables,
// markers. The tiles of a level nearly always begin with the same bytes there, so they are parsed once: a template
// keeps them with the prefix to put in front. Each later tile only has its first bytes compared with the templates
// (one small read from the page cache) and is parsed itself when it differs; so a level that mixes sampling, sizes or
// tables is still served right. The last bytes are looked at for a missing EOI. What came out is remembered for each
// tile, so that the next request for it reads nothing at all: a picture is a snapshot of one state of its file.
// Thread-safe; readers take no lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "image/picture.hpp"
#include "image/tiff_blocks.hpp"
#include "image/tiff_index.hpp"
#include "image/tile_verdicts.hpp"

namespace microtome::image {

class StoredTiles {
 public:
  // Profiles longer than this are not sent with every tile.
  static constexpr std::size_t kMostIcc = 64 << 10;

  StoredTiles(TiffIndexPtr index, const TiffLevel* level, SharedBytes icc);
  ~StoredTiles();
  StoredTiles(const StoredTiles&) = delete;
  StoredTiles& operator=(const StoredTiles&) = delete;

  // As Picture::stored_tile.
  Result<std::optional<StoredTile>> find(std::int64_t x, std::int64_t y, bool may_block) const;

  [[nodiscard]] std::size_t memory() const;

 private:
  static constexpr std::size_t kMostTemplates = 8;
  struct Template;
  enum class Reading : std::uint8_t { done, later };

  Result<Reading> read(std::uint64_t offset, std::span<std::uint8_t> out, bool may_block) const;
  Result<bool> find_jpeg(std::uint64_t number, const TiffBlock& block, bool may_block, StoredTile* tile) const;
  Result<bool> find_webp(const TiffBlock& block, bool may_block, StoredTile* tile) const;
  Result<bool> apply(const Template& found, const TiffBlock& block, bool may_block, StoredTile* tile) const;
  void fill(const Template& found, const TiffBlock& block, bool complete, StoredTile* tile) const;
  bool recall(std::uint64_t number, const TiffBlock& block, StoredTile* tile) const;
  void remember(std::uint64_t number, const Template* found, const StoredTile& tile) const;
  [[nodiscard]] const Template* match(ByteView head) const;
  Result<std::unique_ptr<Template>> parse(const TiffBlock& block, bool may_block) const;  // null: later
  [[nodiscard]] const Template* keep(std::unique_ptr<Template>* made) const;

  TiffIndexPtr index_;
  const TiffLevel* level_;
  SharedBytes icc_;
  SharedBytes eoi_;
  mutable std::array<std::atomic<const Template*>, kMostTemplates> templates_{};
  mutable std::atomic<std::size_t> head_size_{0};  // of the longest template
  mutable TileVerdicts verdicts_;                  // which template, and whether the tile ends as it should
  mutable std::mutex mutex_;                       // for adding
  mutable std::vector<std::unique_ptr<const Template>> owned_;
};

}  // namespace microtome::image
