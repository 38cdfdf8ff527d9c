// SPDX-License-Identifier: Apache-2.0
// TiffIndex: what a TIFF file says about itself, read once and kept: directories, geometry, where the arrays of block
// offsets lie. Classic and BigTIFF, both byte orders. The arrays themselves are read in pages when asked for
// (FilePages), so that opening a file with a hundred thousand tiles costs a few small reads.
// Formats: TIFF 6.0; technical note 1 (SubIFDs); BigTIFF as in libtiff. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "image/file_pages.hpp"
#include "io/file.hpp"

namespace microtome::image {

// One field of a directory. `offset` is where in the file its values begin (inline values: inside the directory).
struct TiffField {
  std::uint16_t tag = 0;
  std::uint16_t type = 0;
  std::uint64_t count = 0;
  std::uint64_t offset = 0;
};

struct TiffDirectory {
  std::uint64_t offset = 0;  // of the directory: its name for libtiff
  std::uint32_t subfile = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool tiled = false;
  std::int64_t block_width = 0;   // pixels of a tile or strip
  std::int64_t block_height = 0;  // tile height, or rows per strip (at most height)
  std::uint16_t bits = 1;         // per sample, the same for all
  std::uint16_t samples = 1;
  std::uint16_t format = 1;
  std::uint16_t compression = 1;
  std::uint16_t photometric = 1;
  std::uint16_t planar = 1;
  std::uint16_t predictor = 1;
  std::uint16_t fill_order = 1;
  std::uint16_t orientation = 1;
  bool has_extra = false;   // tag ExtraSamples is there
  std::uint16_t extra = 0;  // its first value
  TiffField offsets;
  TiffField counts;                     // count 0: the tag is missing
  std::vector<std::uint64_t> children;  // SubIFDs
  std::vector<TiffField> fields;        // all of them, by tag

  [[nodiscard]] std::int64_t across() const { return (width + block_width - 1) / block_width; }
  [[nodiscard]] std::int64_t down() const { return (height + block_height - 1) / block_height; }
  [[nodiscard]] const TiffField* find(std::uint16_t tag) const;
};

struct TiffBlock {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // 0: not stored (sparse)
};

class TiffIndex {
 public:
  // Reads the header, at most 64 directories of the main chain and the SubIFDs of each. A broken directory after the
  // first ends the chain; a broken first one is Code::corrupt. Code::unsupported when the bytes are no TIFF at all.
  static Result<std::shared_ptr<const TiffIndex>> open(io::FilePtr file);

  // As if the directories at these places were the whole chain: one page of many. Code::corrupt when the first one
  // is.
  static Result<std::shared_ptr<const TiffIndex>> open_at(io::FilePtr file,
                                                          const std::vector<std::uint64_t>& directories);

  // The main chain, at most `most` directories of it, each without its fields and in the file's order; empty when
  // there is none. A chain that comes back to itself ends there. Blocks.
  static std::vector<TiffDirectory> walk(io::FilePtr file, std::size_t most);

  // Directories of the main chain that open() reads.
  static constexpr std::size_t kMostDirectories = 64;

  [[nodiscard]] const io::FilePtr& file() const { return pages_.file(); }
  [[nodiscard]] bool big_endian() const { return big_endian_; }
  [[nodiscard]] const std::vector<TiffDirectory>& pages() const { return chain_; }    // the main chain
  [[nodiscard]] const std::vector<TiffDirectory>& reduced() const { return below_; }  // SubIFDs of the main chain

  // Where block `index` of a directory lies: row by row, then plane by plane when planar. nullopt when that needs the
  // disk and `may_block` is false. Code::corrupt when the arrays are too short or the block is outside of the file.
  Result<std::optional<TiffBlock>> block(const TiffDirectory& directory, std::uint64_t index, bool may_block) const;

  // Values of a field as whole numbers, at most `most` of them; empty when it is of another type. Blocks.
  [[nodiscard]] std::vector<std::uint64_t> integers(const TiffField& field, std::size_t most) const;
  // Rationals and floating point as well. Blocks.
  [[nodiscard]] std::optional<double> number(const TiffField& field) const;
  // Bytes of a field, at most `most`; empty when longer, unless `cut`. Blocks.
  [[nodiscard]] Bytes bytes(const TiffField& field, std::size_t most, bool cut = false) const;

  [[nodiscard]] std::size_t memory() const;

 private:
  struct Window {  // a part of the file that is in memory already
    std::uint64_t offset = 0;
    ByteView bytes = {};
  };
  explicit TiffIndex(io::FilePtr file) : pages_(std::move(file)) {}
  Result<std::uint64_t> read_header();
  void read_reduced(std::set<std::uint64_t>& seen);
  Result<TiffDirectory> read_directory(std::uint64_t offset, std::uint64_t* next) const;
  Result<void> interpret(TiffDirectory& directory, const Window& window) const;
  Result<void> read_geometry(TiffDirectory& directory, const Window& window) const;
  [[nodiscard]] std::uint64_t first(const TiffDirectory& directory, std::uint16_t tag, std::uint64_t otherwise,
                                    const Window& window) const;
  [[nodiscard]] std::vector<std::uint64_t> integers(const TiffField& field, std::size_t most,
                                                    const Window& window) const;
  [[nodiscard]] std::uint64_t decode(const std::uint8_t* at, unsigned size) const;
  Result<std::optional<std::uint64_t>> element(const TiffField& field, std::uint64_t index, bool may_block) const;
  [[nodiscard]] std::unexpected<Error> damaged(const std::string& what) const;

  FilePages pages_;
  bool big_endian_ = false;
  bool big_tiff_ = false;
  std::vector<TiffDirectory> chain_;
  std::vector<TiffDirectory> below_;
};

using TiffIndexPtr = std::shared_ptr<const TiffIndex>;

}  // namespace microtome::image
