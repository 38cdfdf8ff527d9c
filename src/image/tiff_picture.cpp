// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_picture.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "image/grid.hpp"
#include "image/merged_picture.hpp"
#include "image/stored_tiles.hpp"
#include "image/tiff_blocks.hpp"
#include "image/tiff_index.hpp"
#include "image/tiff_info.hpp"
#include "image/tiff_layout.hpp"
#include "image/tiff_pages.hpp"
#include "image/tiff_tags.hpp"
#include "image/untiled_picture.hpp"
#include "pixel/blit.hpp"

namespace microtome::image {
namespace {

class TiledTiff final : public Picture {
 public:
  TiledTiff(TiffIndexPtr index, PictureInfo info, std::unique_ptr<TiffBlocks> blocks, std::vector<TiffLevel> levels)
      : index_(std::move(index)), info_(std::move(info)), blocks_(std::move(blocks)), levels_(std::move(levels)) {
    for (const TiffLevel& level : levels_) {
      stored_.push_back(std::make_unique<StoredTiles>(index_, &level, info_.icc));
    }
  }

  [[nodiscard]] const PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return index_->file()->id(); }

  [[nodiscard]] std::size_t memory() const override {
    std::size_t bytes = sizeof(*this) + blocks_->memory() + (info_.icc ? info_.icc->size() : 0);
    for (const auto& [name, value] : info_.text) {
      bytes += name.capacity() + value.capacity() + 96;  // a node of the map
    }
    bytes += info_.stack ? info_.stack->memory() : 0;
    bytes += levels_.front().inks ? levels_.front().inks->memory() : 0;
    for (const auto& level : stored_) {
      bytes += level->memory();
    }
    return bytes;
  }

  [[nodiscard]] Result<std::optional<StoredTile>> stored_tile(int level, std::int64_t x, std::int64_t y,
                                                              bool may_block) const override {
    if (!has(level)) {
      return fail(Code::not_found, "no such level");
    }
    return stored_[level]->find(x, y, may_block);
  }

  [[nodiscard]] Result<pixel::Image> decode_tile(int level, std::int64_t x, std::int64_t y,
                                                 const CancelToken& cancel) const override {
    if (auto there = check_tile(info_, level, x, y); !there) {
      return pass(there.error());
    }
    const Level& size = info_.levels[level];
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    auto image = blocks_->decode(levels_[level], x, y, 1);
    const std::int64_t width = std::min<std::int64_t>(size.tile_width, size.width - x * size.tile_width);
    const std::int64_t height = std::min<std::int64_t>(size.tile_height, size.height - y * size.tile_height);
    if (!image || (width == image->width && height == image->height)) {
      return image;
    }
    return pixel::crop(*image, {0, 0, width, height});
  }

  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const override {
    if (auto inside = check_region(info_, level, rect); !inside) {
      return pass(inside.error());
    }
    *reduction = TiffBlocks::best_denominator(levels_[level], rect, *reduction);
    return blocks_->region(levels_[level], rect, *reduction, cancel);
  }

  [[nodiscard]] Result<std::optional<pixel::Planes>> decode_planes(int level, const pixel::Rect& rect,
                                                                   const CancelToken& cancel) const override {
    if (auto inside = check_region(info_, level, rect); !inside) {
      return pass(inside.error());
    }
    return blocks_->planes(levels_[level], rect, cancel);
  }

 private:
  [[nodiscard]] bool has(int level) const { return level >= 0 && static_cast<std::size_t>(level) < levels_.size(); }

  TiffIndexPtr index_;
  PictureInfo info_;
  std::unique_ptr<TiffBlocks> blocks_;
  std::vector<TiffLevel> levels_;  // never changes: StoredTiles point into it
  std::vector<std::unique_ptr<StoredTiles>> stored_;
};

class StripTiff final : public UntiledPicture {
 public:
  StripTiff(io::FilePtr file, PictureInfo info, const OpenLimits& limits, std::unique_ptr<TiffBlocks> blocks,
            TiffLevel level)
      : UntiledPicture(std::move(file), std::move(info), limits),
        blocks_(std::move(blocks)),
        level_(std::move(level)) {}

  // Strip by strip; where a strip is large, and must be decoded whole, in its turn.
  [[nodiscard]] Result<RowReaderPtr> rows(std::uint64_t max_bytes) const override {
    const std::uint64_t row = static_cast<std::uint64_t>(info().width) * static_cast<std::uint64_t>(info().channels) *
                              static_cast<std::uint64_t>(pixel::bytes_of(info().sample));
    const std::int64_t strip = std::min(static_cast<std::int64_t>(level_.directory->block_height), info().height);
    if (row * static_cast<std::uint64_t>(strip) > max_bytes) {
      return fail(Code::too_large, "the picture is too large to decode", file()->path());
    }
    return std::make_unique<Rows>(*this, strip);
  }

 protected:
  Result<pixel::Image> decode_whole(int* level, const CancelToken& cancel) const override {
    const pixel::Rect all{0, 0, info().width, info().height};
    const int denominator = TiffBlocks::best_denominator(level_, all, 1 << std::min(*level, 3));
    *level = denominator == 8 ? 3 : denominator / 2;
    return blocks_->region(level_, all, denominator, cancel);
  }

  [[nodiscard]] std::optional<double> part_cost(int level, const pixel::Rect& rect) const override {
    if (level != 0 || level_.directory->down() < 2) {
      return std::nullopt;
    }
    const std::int64_t rows = level_.directory->block_height;
    const std::int64_t strips = (rect.y + rect.height - 1) / rows - rect.y / rows + 1;
    return static_cast<double>(strips) / static_cast<double>(level_.directory->down());
  }

  Result<pixel::Image> decode_part(int /*level*/, const pixel::Rect& rect, const CancelToken& cancel) const override {
    return blocks_->region(level_, rect, 1, cancel);
  }

  [[nodiscard]] std::size_t own_memory() const override {
    return blocks_->memory() + level_.palette.capacity() * 2 + level_.jpeg_tables.capacity() +
           (level_.inks ? level_.inks->memory() : 0);
  }

 private:
  // Whole strips only, so that none is decoded twice.
  class Rows final : public RowReader {
   public:
    Rows(const StripTiff& picture, std::int64_t strip) : picture_(picture), strip_(strip) {}
    Result<pixel::Image> next(int rows) override {
      const std::int64_t whole = std::max<std::int64_t>(1, rows / strip_) * strip_;
      const std::int64_t count = std::min(whole, picture_.info().height - next_);
      if (count <= 0) {
        return pixel::Image{};
      }
      auto band = picture_.blocks_->region(picture_.level_, {0, next_, picture_.info().width, count}, 1, {});
      next_ += count;
      return band;
    }

   private:
    const StripTiff& picture_;
    std::int64_t strip_;
    std::int64_t next_ = 0;
  };

  std::unique_ptr<TiffBlocks> blocks_;
  TiffLevel level_;
};

// What the file says beside the directories of one page.
struct Around {
  std::shared_ptr<const Stack> stack;
  std::vector<std::string> associated;
  std::optional<double> um_per_pixel_x;  // where the page itself says none
  std::optional<double> um_per_pixel_y;
};

// What the inks of CMYK look like, if the file says so; reduced pictures seldom repeat it.
std::shared_ptr<const codec::InkProfile> inks_of(const TiffIndex& index, const TiffDirectory& directory) {
  constexpr std::size_t kMostProfile = 4 << 20;
  const TiffField* field = directory.photometric == tiff::kCmyk ? directory.find(tiff::kIccProfile) : nullptr;
  return field != nullptr ? codec::InkProfile::make(index.bytes(*field, kMostProfile)) : nullptr;
}

Result<PicturePtr> open_levels(const TiffIndexPtr& index, const OpenLimits& limits, Around around) {
  auto blocks = std::make_unique<TiffBlocks>(index, limits);
  std::vector<TiffLevel> levels;
  for (const TiffDirectory* directory : choose_levels(*index)) {
    auto level = blocks->prepare(*directory);
    if (level) {
      levels.push_back(std::move(*level));
    } else if (levels.empty()) {
      return pass(level.error());
    }
  }
  PictureInfo info = describe(*index, *levels.front().directory, levels.front().layout);
  info.stack = std::move(around.stack);
  info.associated = std::move(around.associated);
  if (info.stack && info.sample == pixel::Sample::u16 && info.stack->bits > 8 && info.stack->bits < info.bits) {
    info.bits = info.stack->bits;
  }
  if (!info.um_per_pixel_x) {
    info.um_per_pixel_x = around.um_per_pixel_x;
    info.um_per_pixel_y = around.um_per_pixel_y;
  }
  if (const auto inks = inks_of(*index, *levels.front().directory)) {
    for (TiffLevel& level : levels) {
      level.inks = inks;
    }
  }
  const io::FilePtr& file = index->file();
  if (!levels.front().directory->tiled) {
    if (auto small = check_decoded(limits, info.width, info.height, info.channels, info.sample); !small) {
      return pass(small.error(), file->path());
    }
    return std::make_shared<StripTiff>(file, std::move(info), limits, std::move(blocks), std::move(levels.front()));
  }
  for (const TiffLevel& level : levels) {
    info.levels.push_back({level.directory->width, level.directory->height,
                           static_cast<int>(level.directory->block_width),
                           static_cast<int>(level.directory->block_height)});
  }
  return std::make_shared<TiledTiff>(index, std::move(info), std::move(blocks), std::move(levels));
}

Around around_of(const TiffPages& pages) {
  Around around;
  around.stack = pages.stack;
  for (const auto& picture : pages.associated) {
    around.associated.push_back(picture.name);
  }
  return around;
}

// A plane of all channels in their colours.
Result<PicturePtr> open_merged(const io::FilePtr& file, const TiffPages& pages, std::string_view plane,
                               const OpenLimits& limits) {
  if (!pages.stack || pages.stack->colours.size() < 2 || plane.find('c') != std::string_view::npos) {
    return fail(Code::not_found, "no such page", file->path());
  }
  std::vector<PicturePtr> channels;
  for (int channel = 0; channel < pages.stack->c; ++channel) {
    auto picture = open_tiff_part(file, std::string(plane) + "c" + std::to_string(channel), limits);
    if (!picture) {
      return picture;
    }
    channels.push_back(std::move(*picture));
  }
  return merge_channels(std::move(channels), pages.stack->colours);
}

}  // namespace

Result<PicturePtr> open_tiff(io::FilePtr file, const OpenLimits& limits) {
  auto index = TiffIndex::open(std::move(file));
  if (!index) {
    return pass(index.error());
  }
  return open_levels(*index, limits, around_of(find_tiff_pages(**index)));
}

Result<PicturePtr> open_tiff_part(io::FilePtr file, std::string_view part, const OpenLimits& limits) {
  auto index = TiffIndex::open(file);
  if (!index) {
    return pass(index.error());
  }
  const TiffPages pages = find_tiff_pages(**index);
  const auto picture = std::ranges::find(pages.associated, part, &TiffPages::Associated::name);
  if (picture != pages.associated.end()) {
    const auto alone = TiffIndex::open_at(std::move(file), {picture->directory});
    return alone ? open_levels(*alone, limits, {}) : pass(alone.error());
  }
  if (part.ends_with(kMerged)) {
    return open_merged(file, pages, part.substr(0, part.size() - kMerged.size()), limits);
  }
  const auto number = page_named(pages, part);
  if (!number) {
    return fail(Code::not_found, "no such page", file->path());
  }
  Around around = around_of(pages);
  if (*number == 0) {
    return open_levels(*index, limits, std::move(around));
  }
  const TiffDirectory& first = *choose_levels(**index).front();
  if (const auto layout = layout_of(first)) {
    const PictureInfo of_first = describe(**index, first, *layout);
    around.um_per_pixel_x = of_first.um_per_pixel_x;
    around.um_per_pixel_y = of_first.um_per_pixel_y;
  }
  const auto page = TiffIndex::open_at(std::move(file), pages.pages[*number]);
  return page ? open_levels(*page, limits, std::move(around)) : pass(page.error());
}

}  // namespace microtome::image
