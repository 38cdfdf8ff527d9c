// SPDX-License-Identifier: Apache-2.0
#include "protocol/iip_processed.hpp"

#include <utility>

#include "pixel/blit.hpp"

namespace microtome::protocol {
namespace {

// A picture seen through operations: 8 bits, grey or rgb. Regions of it are cut, scaled and bounded by the engine as
// those of any other picture.
class ProcessedPicture final : public image::Picture {
 public:
  ProcessedPicture(image::PicturePtr base, pixel::Operations operations, const pixel::Histogram& histogram)
      : base_(std::move(base)), operations_(std::move(operations)), histogram_(histogram), info_(base_->info()) {
    if (operations_.processes()) {
      info_.colour = pixel::processed_colour(info_.colour, info_.channels, operations_);
      info_.channels = info_.colour == pixel::Colour::grey ? 1 : info_.colour == pixel::Colour::rgb ? 3 : 4;
      info_.bits = 8;
      info_.sample = pixel::Sample::u8;
    }
  }
  [[nodiscard]] const image::PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return base_->id(); }
  [[nodiscard]] std::size_t memory() const override { return 0; }
  [[nodiscard]] Result<std::optional<image::StoredTile>> stored_tile(int level, std::int64_t x, std::int64_t y,
                                                                     bool may_block) const override {
    return base_->stored_tile(level, x, y, may_block);
  }
  [[nodiscard]] Result<pixel::Image> decode_tile(int level, std::int64_t x, std::int64_t y,
                                                 const CancelToken& cancel) const override {
    if (operations_.margin() == 0) {
      return process(base_->decode_tile(level, x, y, cancel));
    }
    const image::Level& at = info_.levels[static_cast<std::size_t>(level)];
    int reduction = 1;
    return decode_region(level,
                         pixel::intersect({x * at.tile_width, y * at.tile_height, at.tile_width, at.tile_height},
                                          {0, 0, at.width, at.height}),
                         &reduction, cancel);
  }
  // With a kernel: what lies around the area belongs to it, so that tiles show no seams.
  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const override {
    const int margin = operations_.margin();
    if (margin == 0) {
      return process(base_->decode_region(level, rect, reduction, cancel));
    }
    const image::Level& at = info_.levels[static_cast<std::size_t>(level)];
    const pixel::Rect wide =
        pixel::intersect({rect.x - margin, rect.y - margin, rect.width + 2LL * margin, rect.height + 2LL * margin},
                         {0, 0, at.width, at.height});
    *reduction = 1;
    const auto image = process(base_->decode_region(level, wide, reduction, cancel));
    if (!image) {
      return image;
    }
    return pixel::crop(*image, {rect.x - wide.x, rect.y - wide.y, rect.width, rect.height});
  }

 private:
  [[nodiscard]] Result<pixel::Image> process(Result<pixel::Image> image) const {
    if (!image || !operations_.processes()) {
      return image;
    }
    return pixel::process(*image, base_->info().bits, operations_, histogram_);
  }

  image::PicturePtr base_;
  pixel::Operations operations_;
  pixel::Histogram histogram_;
  image::PictureInfo info_;
};

}  // namespace

image::PicturePtr processed_picture(image::PicturePtr base, const pixel::Operations& operations,
                                    const pixel::Histogram& histogram) {
  return std::make_shared<ProcessedPicture>(std::move(base), operations, histogram);
}

Result<pixel::Histogram> histogram_of(const image::Picture& picture, const pixel::Operations& operations,
                                      const CancelToken& cancel) {
  if (!operations.needs_histogram()) {
    return pixel::Histogram{};
  }
  const auto tile = picture.decode_tile(static_cast<int>(picture.info().levels.size()) - 1, 0, 0, cancel);
  if (!tile) {
    return pass(tile.error());
  }
  return pixel::histogram_of(*tile, picture.info().bits, operations);
}

}  // namespace microtome::protocol
