// SPDX-License-Identifier: Apache-2.0
// TiffBlocks: decoded tiles and strips of one TIFF file. JPEG, WebP, deflated and plain blocks are read and decoded
// here (one pread and a codec); libtiff does the rest. Nothing is cached. Thread-safe; blocks on the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"
#include "codec/icc.hpp"
#include "image/picture.hpp"
#include "image/tiff_index.hpp"
#include "image/tiff_layout.hpp"
#include "image/tiff_library.hpp"
#include "pixel/image.hpp"
#include "pixel/planes.hpp"

namespace microtome::image {

// A directory that can be decoded, with the small things its blocks need.
struct TiffLevel {
  const TiffDirectory* directory = nullptr;  // lives in the index
  TiffLayout layout;
  Bytes jpeg_tables;
  std::vector<std::uint16_t> palette;
  std::shared_ptr<const codec::InkProfile> inks;  // of CMYK; may be null
};

class TiffBlocks {
 public:
  TiffBlocks(TiffIndexPtr index, const OpenLimits& limits);

  // Reads tables and palette; refuses with too_large blocks that no sane file has.
  Result<TiffLevel> prepare(const TiffDirectory& directory) const;

  // Block in column x, row y: block_width pixels (padding included) by the rows that lie inside the picture, at
  // 1/denominator (1, 2, 4, 8; sizes rounded up). Blocks that are not stored are background: white for
  // 8-bit RGB, transparent with alpha, else zero.
  Result<pixel::Image> decode(const TiffLevel& level, std::int64_t x, std::int64_t y, int denominator) const;

  // The blocks under `rect` (inside the level) joined and cut. rect.x, rect.y and the block's sides must be multiples
  // of `denominator`; best_denominator() makes sure.
  Result<pixel::Image> region(const TiffLevel& level, const pixel::Rect& rect, int denominator,
                              const CancelToken& cancel) const;

  // The same as planes of YCbCr at full scale, when all blocks are such JPEGs of one kind; rect.x and rect.y even.
  Result<std::optional<pixel::Planes>> planes(const TiffLevel& level, const pixel::Rect& rect,
                                              const CancelToken& cancel) const;

  // The largest of 8, 4, 2, 1 that is at most `wish` and divides the grid of blocks and the rectangle's corner.
  static int best_denominator(const TiffLevel& level, const pixel::Rect& rect, int wish);

  [[nodiscard]] const TiffIndex& index() const { return *index_; }
  [[nodiscard]] std::size_t memory() const { return index_->memory() + library_.memory(); }

 private:
  Result<pixel::Image> decode_full(const TiffLevel& level, std::int64_t x, std::int64_t y, int* denominator) const;
  Result<pixel::Image> decode_stream(const TiffLevel& level, const TiffBlock& block, int width, int height,
                                     int* denominator) const;
  // A JPEG block straight into `target`; false: it has to be decoded by itself.
  Result<bool> decode_into(const TiffLevel& level, std::int64_t x, std::int64_t y, int denominator,
                           pixel::Image& target, const pixel::Rect& place) const;
  Result<pixel::Image> decode_raw(const TiffLevel& level, const TiffBlock& block, int width, int height) const;

  TiffIndexPtr index_;
  OpenLimits limits_;
  TiffLibrary library_;
};

}  // namespace microtome::image
