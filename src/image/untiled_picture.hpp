// SPDX-License-Identifier: Apache-2.0
// UntiledPicture: a picture without tiles of its own (a plain JPEG, PNG or WebP file, a TIFF in strips). Its levels
// are virtual: full size, then halves until one tile. Decoded levels are kept in a LevelStore up to
// OpenLimits::max_kept_bytes. Where the format lets a part be decoded, parts are decoded until that has cost as much
// as decoding the whole once would have; then the whole is decoded and kept. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>

#include "image/grid.hpp"
#include "image/level_store.hpp"
#include "image/picture.hpp"

namespace microtome::image {

class UntiledPicture : public RegionPicture {
 public:
  [[nodiscard]] const PictureInfo& info() const final { return info_; }
  [[nodiscard]] const io::FileId& id() const final { return file_->id(); }
  [[nodiscard]] std::size_t memory() const final;
  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const final;
  // By default of the whole picture, decoded and not kept.
  [[nodiscard]] Result<RowReaderPtr> rows(std::uint64_t max_bytes) const override;

 protected:
  // `info`: everything but the levels.
  UntiledPicture(io::FilePtr file, PictureInfo info, const OpenLimits& limits);

  // The whole picture at `*level` or a finer level, whichever is cheapest; says which.
  virtual Result<pixel::Image> decode_whole(int* level, const CancelToken& cancel) const = 0;
  // What decoding only `rect` of `level` costs, as a part of decoding the whole level; nullopt: not possible.
  [[nodiscard]] virtual std::optional<double> part_cost(int level, const pixel::Rect& rect) const = 0;
  virtual Result<pixel::Image> decode_part(int level, const pixel::Rect& rect, const CancelToken& cancel) const = 0;
  [[nodiscard]] virtual std::size_t own_memory() const = 0;

  [[nodiscard]] const io::FilePtr& file() const { return file_; }
  [[nodiscard]] const OpenLimits& limits() const { return limits_; }

 private:
  [[nodiscard]] bool prefers_part(int level, const pixel::Rect& rect) const;

  io::FilePtr file_;
  PictureInfo info_;
  OpenLimits limits_;
  LevelStore store_;
  mutable std::atomic<double> spent_{0};  // on parts, in whole decodes
};

// Code::too_large when a decoded picture of this size is over the limits.
[[nodiscard]] Result<void> check_decoded(const OpenLimits& limits, std::int64_t width, std::int64_t height,
                                         int channels, pixel::Sample sample);

}  // namespace microtome::image
