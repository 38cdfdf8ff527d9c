// SPDX-License-Identifier: Apache-2.0
#include "image/stored_tiles.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "codec/jpeg.hpp"
#include "codec/webp.hpp"
#include "image/tiff_tags.hpp"

namespace microtome::image {
namespace {

constexpr std::size_t kHead = 2048;          // enough for the headers of most tiles, tables included
constexpr std::size_t kLongHead = 96 << 10;  // with a profile or preview in every tile
constexpr std::size_t kTail = 2;             // an EOI

// A verdict: the template's number from 1, and kComplete when the tile has its EOI.
constexpr std::uint8_t kComplete = 0x80;
constexpr std::uint8_t kTemplate = 0x7f;

}  // namespace

struct StoredTiles::Template {
  Bytes head;          // everything before the first scan
  SharedBytes prefix;  // null: tiles like this one have to be decoded
  int width = 0;       // of the frame
  int height = 0;
  std::size_t skip = 0;  // the tile's own SOI
};

StoredTiles::StoredTiles(TiffIndexPtr index, const TiffLevel* level, SharedBytes icc)
    : index_(std::move(index)),
      level_(level),
      eoi_(std::make_shared<const Bytes>(Bytes{0xff, 0xd9})),
      verdicts_(static_cast<std::uint64_t>(level->directory->across()) *
                static_cast<std::uint64_t>(level->directory->down())) {
  if (icc && icc->size() <= kMostIcc) {
    icc_ = std::move(icc);
  }
}

StoredTiles::~StoredTiles() = default;

Result<StoredTiles::Reading> StoredTiles::read(std::uint64_t offset, std::span<std::uint8_t> out,
                                               bool may_block) const {
  const io::FilePtr& file = index_->file();
  if (file->read_cached(offset, out)) {
    return Reading::done;
  }
  if (!may_block) {
    return Reading::later;
  }
  if (auto done = file->read(offset, out); !done) {
    return pass(done.error());
  }
  return Reading::done;
}

Result<std::optional<StoredTile>> StoredTiles::find(std::int64_t x, std::int64_t y, bool may_block) const {
  const TiffDirectory& directory = *level_->directory;
  if (x < 0 || y < 0 || x >= directory.across() || y >= directory.down()) {
    return fail(Code::not_found, "no such tile");
  }
  StoredTile tile;
  tile.width = static_cast<int>(directory.block_width);
  tile.height = static_cast<int>(directory.block_height);
  tile.visible_width = static_cast<int>(std::min(directory.block_width, directory.width - x * directory.block_width));
  tile.visible_height =
      static_cast<int>(std::min(directory.block_height, directory.height - y * directory.block_height));
  if (directory.counts.count == 0) {
    return tile;  // libtiff may find it
  }
  const auto number = static_cast<std::uint64_t>(y * directory.across() + x);
  auto block = index_->block(directory, number, may_block);
  if (!block) {
    return pass(block.error());
  }
  if (!*block) {
    return std::nullopt;
  }
  if ((*block)->length == 0) {
    tile.empty = true;
    return tile;
  }
  Result<bool> found = true;
  if (level_->layout.way == TiffWay::jpeg && directory.photometric != tiff::kMinIsWhite) {
    found = find_jpeg(number, **block, may_block, &tile);
  } else if (level_->layout.way == TiffWay::webp && !level_->layout.premultiplied) {
    found = find_webp(**block, may_block, &tile);
  }
  if (!found) {
    return pass(found.error());
  }
  return *found ? std::optional(std::move(tile)) : std::nullopt;
}

const StoredTiles::Template* StoredTiles::match(ByteView head) const {
  for (const auto& slot : templates_) {
    const Template* candidate = slot.load(std::memory_order_acquire);
    if (candidate == nullptr) {
      return nullptr;
    }
    if (candidate->head.size() <= head.size() &&
        std::equal(candidate->head.begin(), candidate->head.end(), head.begin())) {
      return candidate;
    }
  }
  return nullptr;
}

Result<bool> StoredTiles::find_jpeg(std::uint64_t number, const TiffBlock& block, bool may_block,
                                    StoredTile* tile) const {
  if (recall(number, block, tile)) {
    return true;
  }
  std::array<std::uint8_t, kHead> buffer;
  const std::size_t wanted = std::min<std::uint64_t>(head_size_.load(std::memory_order_relaxed), block.length);
  if (wanted > 0) {
    const std::span<std::uint8_t> head(buffer.data(), wanted);
    auto got = read(block.offset, head, may_block);
    if (!got) {
      return pass(got.error());
    }
    if (*got == Reading::later) {
      return false;
    }
    if (const Template* known = match(head); known != nullptr) {
      auto applied = apply(*known, block, may_block, tile);
      remember(number, known, *tile);
      return applied;
    }
  }
  auto made = parse(block, may_block);
  if (!made) {
    return pass(made.error());
  }
  if (!*made) {
    return false;
  }
  const Template* kept = keep(&*made);
  auto applied = apply(kept != nullptr ? *kept : **made, block, may_block, tile);
  remember(number, kept, *tile);
  return applied;
}

bool StoredTiles::recall(std::uint64_t number, const TiffBlock& block, StoredTile* tile) const {
  const std::uint8_t verdict = verdicts_.get(number);
  if (verdict == 0) {
    return false;
  }
  const Template* found = templates_[(verdict & kTemplate) - 1].load(std::memory_order_acquire);
  fill(*found, block, (verdict & kComplete) != 0, tile);
  return true;
}

// Only tiles that can be passed on, by a template that is kept.
void StoredTiles::remember(std::uint64_t number, const Template* found, const StoredTile& tile) const {
  if (found == nullptr || tile.stored != Stored::jpeg) {
    return;
  }
  for (std::size_t i = 0; i < templates_.size(); ++i) {
    if (templates_[i].load(std::memory_order_acquire) == found) {
      verdicts_.set(number, static_cast<std::uint8_t>((i + 1) | (tile.suffix ? 0 : kComplete)));
      return;
    }
  }
}

Result<std::unique_ptr<StoredTiles::Template>> StoredTiles::parse(const TiffBlock& block, bool may_block) const {
  const TiffDirectory& directory = *level_->directory;
  Result<codec::JpegInfo> info;
  Bytes head;
  for (const std::size_t size : {kHead, kLongHead}) {
    head.resize(std::min<std::uint64_t>(size, block.length));
    auto got = read(block.offset, head, may_block);
    if (!got) {
      return pass(got.error());
    }
    if (*got == Reading::later) {
      return nullptr;
    }
    info = codec::inspect_jpeg(head, level_->jpeg_tables);
    if ((info && info->scan_offset != 0) || head.size() == block.length) {
      break;
    }
  }
  auto made = std::make_unique<Template>();
  if (!info || info->scan_offset == 0) {
    return made;  // decoding will say what is wrong with it
  }
  head.resize(std::min(info->scan_offset, head.size()));
  made->head = std::move(head);
  made->width = info->width;
  made->height = info->height;
  made->skip = info->has_soi ? 2 : 0;
  if (info->components != directory.samples) {
    return made;
  }
  codec::PrefixOptions options;
  options.tables = level_->jpeg_tables;
  if (icc_) {
    options.icc = *icc_;
  }
  if (directory.samples == 3) {
    options.rgb_coded = directory.photometric == tiff::kRgb;
  }
  if (auto prefix = codec::build_prefix(*info, options); prefix) {
    made->prefix = std::make_shared<const Bytes>(std::move(*prefix));
  }
  return made;
}

// Takes over `made` when there is room; the one kept (an equal one that another thread added first included), or
// null.
const StoredTiles::Template* StoredTiles::keep(std::unique_ptr<Template>* made) const {
  if ((*made)->head.empty() || (*made)->head.size() > kHead) {
    return nullptr;
  }
  const std::scoped_lock lock(mutex_);
  if (const Template* known = match((*made)->head); known != nullptr) {
    return known;
  }
  if (owned_.size() >= kMostTemplates) {
    return nullptr;
  }
  const Template* kept = made->get();
  owned_.push_back(std::move(*made));
  templates_[owned_.size() - 1].store(kept, std::memory_order_release);
  if (kept->head.size() > head_size_.load(std::memory_order_relaxed)) {
    head_size_.store(kept->head.size(), std::memory_order_relaxed);
  }
  return kept;
}

Result<bool> StoredTiles::apply(const Template& found, const TiffBlock& block, bool may_block,
                                StoredTile* tile) const {
  // A frame that does not cover what is visible, or reaches beyond its tile, is cut or filled up by decoding.
  if (!found.prefix || found.width < tile->visible_width || found.height < tile->visible_height ||
      found.width > tile->width || found.height > tile->height || block.length <= found.skip) {
    return true;
  }
  std::array<std::uint8_t, kTail> buffer;
  const std::span<std::uint8_t> tail(buffer.data(), std::min<std::uint64_t>(kTail, block.length));
  auto got = read(block.offset + block.length - tail.size(), tail, may_block);
  if (!got) {
    return pass(got.error());
  }
  if (*got == Reading::later) {
    return false;
  }
  fill(found, block, codec::ends_with_eoi(tail), tile);
  return true;
}

void StoredTiles::fill(const Template& found, const TiffBlock& block, bool complete, StoredTile* tile) const {
  tile->stored = Stored::jpeg;
  tile->prefix = found.prefix;
  tile->range = {index_->file(), block.offset + found.skip, block.length - found.skip};
  tile->suffix = complete ? nullptr : eoi_;
  tile->width = found.width;
  tile->height = found.height;
}

Result<bool> StoredTiles::find_webp(const TiffBlock& block, bool may_block, StoredTile* tile) const {
  std::array<std::uint8_t, kHead> buffer;
  const std::span<std::uint8_t> head(buffer.data(), std::min<std::uint64_t>(kHead, block.length));
  auto got = read(block.offset, head, may_block);
  if (!got) {
    return pass(got.error());
  }
  if (*got == Reading::later) {
    return false;
  }
  const auto info = codec::inspect_webp(head);
  if (info && !info->animated && info->width >= tile->visible_width && info->height >= tile->visible_height &&
      info->width <= tile->width && info->height <= tile->height) {
    tile->stored = Stored::webp;
    tile->range = {index_->file(), block.offset, block.length};
    tile->width = info->width;
    tile->height = info->height;
  }
  return true;
}

std::size_t StoredTiles::memory() const {
  std::size_t bytes =
      sizeof(*this) + level_->jpeg_tables.capacity() + level_->palette.capacity() * 2 + verdicts_.memory();
  const std::scoped_lock lock(mutex_);
  for (const auto& one : owned_) {
    bytes += sizeof(Template) + one->head.capacity() + (one->prefix ? one->prefix->size() : 0);
  }
  return bytes;
}

}  // namespace microtome::image
