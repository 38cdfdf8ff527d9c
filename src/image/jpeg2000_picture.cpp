// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg2000_picture.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "codec/icc.hpp"
#include "codec/jpeg2000.hpp"
#include "image/block_store.hpp"
#include "image/grid.hpp"
#include "image/level_store.hpp"
#include "image/untiled_picture.hpp"
#include "pixel/blit.hpp"
#include "pixel/convert.hpp"

namespace microtome::image {
namespace {

constexpr std::int64_t kBlock = 1024;      // pixels a side, of a codestream that has no tiles, or large ones
constexpr std::int64_t kSmallBlock = 512;  // where its tiles are small: they can be skipped exactly

codec::ByteSource source_of(const io::FilePtr& file) {
  return {file->size(),
          [file](std::uint64_t offset, std::span<std::uint8_t> out) { return file->read(offset, out).has_value(); }};
}

class Jpeg2000Picture final : public RegionPicture {
 public:
  Jpeg2000Picture(io::FilePtr file, codec::Jpeg2000Info stream, PictureInfo info, const OpenLimits& limits,
                  std::shared_ptr<const codec::InkProfile> inks)
      : file_(std::move(file)),
        source_(source_of(file_)),
        stream_(std::move(stream)),
        info_(std::move(info)),
        limits_(limits),
        inks_(std::move(inks)),
        block_(std::max(stream_.tile_width, stream_.tile_height) <= kSmallBlock ? kSmallBlock : kBlock),
        blocks_(limits.max_kept_bytes / 2),
        coarse_(limits.max_kept_bytes / 4) {}

  [[nodiscard]] const PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return file_->id(); }
  [[nodiscard]] std::size_t memory() const override {
    return sizeof(*this) + (info_.icc ? info_.icc->size() : 0) + blocks_.memory() + coarse_.memory() +
           (inks_ ? inks_->memory() : 0);
  }

  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const override {
    *reduction = 1;  // the levels are halves already
    if (auto inside = check_region(info_, level, rect); !inside) {
      return pass(inside.error());
    }
    if (level >= stream_.resolutions) {
      const auto whole = coarse_.get(
          level - stream_.resolutions + 1,
          [&](int* at) {
            *at = 0;
            return coarsest(cancel);
          },
          cancel);
      return whole ? Result<pixel::Image>(pixel::crop(**whole, rect)) : pass(whole.error());
    }
    return from_blocks(level, rect, cancel);
  }

 private:
  // A part of a level of the codestream, in the colours that are shown.
  [[nodiscard]] Result<pixel::Image> decoded(int level, const pixel::Rect& rect) const {
    auto image = codec::decode_jpeg2000(source_, stream_, level, rect);
    if (!image || !inks_) {
      return image;
    }
    pixel::Image rgb;
    return inks_->to_rgb(*image, false, rgb) ? std::move(rgb) : pixel::to_rgb(pixel::to_u8(*image));
  }

  [[nodiscard]] Result<pixel::Image> coarsest(const CancelToken& cancel) const {
    const int level = stream_.resolutions - 1;
    const Level& size = info_.levels[static_cast<std::size_t>(level)];
    if (auto small = check_decoded(limits_, size.width, size.height, info_.channels, info_.sample); !small) {
      return pass(small.error(), file_->path());
    }
    return from_blocks(level, {0, 0, size.width, size.height}, cancel);
  }

  // Blocks that could not be kept until the next band wants them would be decoded again for each.
  [[nodiscard]] bool too_wide(const pixel::Rect& rect) const {
    const std::int64_t across = (rect.x + rect.width - 1) / block_ - rect.x / block_ + 1;
    const auto bytes = static_cast<std::size_t>(across * block_ * block_) *
                       static_cast<std::size_t>(info_.channels * pixel::bytes_of(info_.sample));
    return across > 1 && bytes > blocks_.max_bytes();
  }

  [[nodiscard]] Result<pixel::Image> from_blocks(int level, const pixel::Rect& rect,
                                                 const CancelToken& cancel) const {
    const Level& size = info_.levels[static_cast<std::size_t>(level)];
    if (too_wide(rect)) {
      return decoded(level, rect);
    }
    pixel::Image out = pixel::Image::make(static_cast<int>(rect.width), static_cast<int>(rect.height), info_.channels,
                                          info_.colour, info_.sample);
    for (std::int64_t y = rect.y / block_; y * block_ < rect.y + rect.height; ++y) {
      for (std::int64_t x = rect.x / block_; x * block_ < rect.x + rect.width; ++x) {
        const pixel::Rect area{x * block_, y * block_, std::min(block_, size.width - x * block_),
                               std::min(block_, size.height - y * block_)};
        const auto block = blocks_.get({level, x, y}, [&] { return decoded(level, area); }, cancel);
        if (!block) {
          return pass(block.error(), file_->path());
        }
        pixel::paste(out, **block, area.x - rect.x, area.y - rect.y);
      }
    }
    return out;
  }

  io::FilePtr file_;
  codec::ByteSource source_;
  codec::Jpeg2000Info stream_;
  PictureInfo info_;
  OpenLimits limits_;
  std::shared_ptr<const codec::InkProfile> inks_;  // null: no inks, or nothing said about them
  std::int64_t block_;
  BlockStore blocks_;
  LevelStore coarse_;  // level 0 of it: the coarsest of the codestream
};

std::vector<Level> levels_of(const codec::Jpeg2000Info& stream, int tile) {
  std::vector<Level> levels;
  for (int level = 0; level < stream.resolutions; ++level) {
    levels.push_back({stream.width_at(level), stream.height_at(level), tile, tile});
    if (levels.back().width <= tile && levels.back().height <= tile) {
      return levels;
    }
  }
  const auto more = halving_levels(levels.back().width, levels.back().height, tile);
  levels.insert(levels.end(), more.begin() + 1, more.end());
  return levels;
}

}  // namespace

Result<PicturePtr> open_jpeg2000(io::FilePtr file, const OpenLimits& limits) {
  auto stream = codec::inspect_jpeg2000(source_of(file));
  if (!stream) {
    return pass(stream.error(), file->path());
  }
  stream->most_layers = std::max(0, limits.max_layers);
  PictureInfo info;
  info.width = stream->width;
  info.height = stream->height;
  info.channels = stream->channels;
  info.colour = stream->colour;
  info.bits = stream->bits > 8 ? stream->bits : 8;
  info.sample = stream->bits > 8 ? pixel::Sample::u16 : pixel::Sample::u8;
  info.levels = levels_of(*stream, std::max(1, limits.default_tile));
  info.um_per_pixel_x = stream->um_per_pixel_x;
  info.um_per_pixel_y = stream->um_per_pixel_y;
  info.has_tiles = true;  // any part can be decoded by itself
  info.opaque = !pixel::has_alpha(info.colour);
  std::shared_ptr<const codec::InkProfile> inks;
  if (info.colour == pixel::Colour::cmyk && (stream->bits == 8 || stream->bits == 16)) {
    inks = codec::InkProfile::make(stream->icc);
  }
  if (inks) {  // what is shown is sRGB
    info.channels = 3;
    info.colour = pixel::Colour::rgb;
    info.bits = 8;
    info.sample = pixel::Sample::u8;
  } else if (!stream->icc.empty()) {
    info.icc = std::make_shared<const Bytes>(std::move(stream->icc));
  }
  return std::make_shared<Jpeg2000Picture>(std::move(file), std::move(*stream), std::move(info), limits,
                                           std::move(inks));
}

}  // namespace microtome::image
