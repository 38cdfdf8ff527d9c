// SPDX-License-Identifier: Apache-2.0
// TiffIndex: one directory, from its bytes to what it says of its picture.
#include <algorithm>
#include <optional>

#include "image/tiff_index.hpp"
#include "image/tiff_tags.hpp"

namespace microtome::image {
namespace {

constexpr std::size_t kMostChildren = 32;
constexpr std::uint64_t kMostFields = 4096;          // real files have a few dozen
constexpr std::size_t kAround = 1024;                // bytes read with a directory
constexpr std::int64_t kMostSide = (1LL << 31) - 1;  // pixels
constexpr std::int64_t kMostTileSide = 1 << 16;

bool holds_offsets(std::uint16_t type) {  // SHORT, LONG, IFD, LONG8, IFD8
  return type == 3 || type == 4 || type == 13 || type == 16 || type == 18;
}

}  // namespace

const TiffField* TiffDirectory::find(std::uint16_t tag) const {
  const auto at = std::ranges::lower_bound(fields, tag, {}, &TiffField::tag);
  return at != fields.end() && at->tag == tag ? &*at : nullptr;
}

Result<TiffDirectory> TiffIndex::read_directory(std::uint64_t offset, std::uint64_t* next) const {
  const unsigned count_size = big_tiff_ ? 8 : 2;
  const unsigned entry_size = big_tiff_ ? 20 : 12;
  const unsigned word = big_tiff_ ? 8 : 4;  // of counts and offsets
  if (offset > file()->size() || file()->size() - offset < count_size) {
    return damaged("a directory at byte " + std::to_string(offset));
  }
  // One read usually gets the directory, the link to the next and short values beside it.
  Bytes around(std::min<std::uint64_t>(kAround, file()->size() - offset));
  if (auto done = file()->read(offset, around); !done) {
    return pass(done.error(), "directory");
  }
  const std::uint64_t entries = decode(around.data(), count_size);
  if (entries == 0 || entries > kMostFields) {
    return damaged("a directory of " + std::to_string(entries) + " fields");
  }
  const std::uint64_t end = count_size + entries * entry_size;
  if (end > file()->size() - offset) {
    return damaged("a directory that is cut off");
  }
  if (end + word > around.size()) {
    around.resize(std::min<std::uint64_t>(end + word, file()->size() - offset));
    if (auto done = file()->read(offset, around); !done) {
      return pass(done.error(), "directory");
    }
  }
  // Without the link (a file cut by a few bytes) this directory is the last.
  *next = end + word <= around.size() ? decode(around.data() + end, word) : 0;
  TiffDirectory directory;
  directory.offset = offset;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t at = count_size + i * entry_size;
    const std::uint8_t* entry = around.data() + at;
    TiffField field;
    field.tag = static_cast<std::uint16_t>(decode(entry, 2));
    field.type = static_cast<std::uint16_t>(decode(entry + 2, 2));
    field.count = decode(entry + 4, word);
    const unsigned size = tiff::bytes_of_type(field.type);
    if (size == 0 || field.count == 0 || field.count > file()->size() / size) {
      continue;  // unknown type or an impossible length: as if the field were not there
    }
    const std::uint64_t total = field.count * size;
    field.offset = total <= word ? offset + at + 4 + word : decode(entry + 4 + word, word);
    if (field.offset <= file()->size() - total) {
      // Sorted by tag, as they nearly always are already; the first of equal tags counts.
      directory.fields.insert(std::ranges::upper_bound(directory.fields, field.tag, {}, &TiffField::tag), field);
    }
  }
  if (auto done = interpret(directory, {offset, around}); !done) {
    return pass(done.error());
  }
  return directory;
}

std::uint64_t TiffIndex::first(const TiffDirectory& directory, std::uint16_t tag, std::uint64_t otherwise,
                               const Window& window) const {
  const TiffField* field = directory.find(tag);
  if (field == nullptr) {
    return otherwise;
  }
  const auto values = integers(*field, 1, window);
  return values.empty() ? otherwise : values.front();
}

Result<void> TiffIndex::interpret(TiffDirectory& directory, const Window& window) const {
  const auto small = [&](tiff::Tag tag, std::uint16_t otherwise) {
    return static_cast<std::uint16_t>(std::min<std::uint64_t>(first(directory, tag, otherwise, window), 0xffff));
  };
  const bool formerly_reduced = first(directory, tiff::kSubfileType, 0, window) == 2;  // the tag of TIFF 5
  directory.subfile = static_cast<std::uint32_t>(
      first(directory, tiff::kNewSubfileType, formerly_reduced ? 1 : 0, window));  // kReduced
  directory.samples = small(tiff::kSamplesPerPixel, 1);
  directory.compression = small(tiff::kCompression, tiff::kNone);
  directory.planar = small(tiff::kPlanarConfiguration, 1);
  directory.predictor = small(tiff::kPredictor, 1);
  directory.fill_order = small(tiff::kFillOrder, 1);
  directory.orientation = small(tiff::kOrientation, 1);
  directory.photometric = small(tiff::kPhotometric, directory.samples >= 3 ? tiff::kRgb : tiff::kMinIsBlack);
  directory.has_extra = directory.find(tiff::kExtraSamples) != nullptr;
  directory.extra = small(tiff::kExtraSamples, 0);
  if (directory.samples == 0) {
    return damaged("no samples");
  }
  const std::size_t most = std::min<std::size_t>(directory.samples, 64);
  const auto same = [&](tiff::Tag tag, std::uint16_t otherwise) -> std::optional<std::uint16_t> {
    const TiffField* field = directory.find(tag);
    const auto values = field != nullptr ? integers(*field, most, window) : std::vector<std::uint64_t>{};
    if (values.empty()) {
      return otherwise;
    }
    const bool equal = std::ranges::all_of(values, [&](std::uint64_t value) { return value == values.front(); });
    return equal ? std::optional(static_cast<std::uint16_t>(std::min<std::uint64_t>(values.front(), 0xffff)))
                 : std::nullopt;
  };
  const auto bits = same(tiff::kBitsPerSample, 1);
  const auto format = same(tiff::kSampleFormat, tiff::kUnsigned);
  directory.bits = bits.value_or(0);  // 0: samples differ, which nothing here can decode
  directory.format = format.value_or(tiff::kUndefined);
  if (const TiffField* children = directory.find(tiff::kSubIfds); children != nullptr) {
    directory.children = integers(*children, kMostChildren, window);
  }
  return read_geometry(directory, window);
}

Result<void> TiffIndex::read_geometry(TiffDirectory& directory, const Window& window) const {
  const auto side = [&](tiff::Tag tag, std::uint64_t otherwise) {
    return static_cast<std::int64_t>(
        std::min<std::uint64_t>(first(directory, tag, otherwise, window), kMostSide + 1));
  };
  directory.width = side(tiff::kImageWidth, 0);
  directory.height = side(tiff::kImageLength, 0);
  if (directory.width < 1 || directory.height < 1 || directory.width > kMostSide || directory.height > kMostSide) {
    return damaged("impossible size");
  }
  const TiffField* offsets = directory.find(tiff::kTileOffsets);
  const TiffField* counts = directory.find(tiff::kTileByteCounts);
  directory.tiled = directory.find(tiff::kTileWidth) != nullptr;
  if (directory.tiled) {
    directory.block_width = side(tiff::kTileWidth, 0);
    directory.block_height = side(tiff::kTileLength, 0);
    if (directory.block_width < 1 || directory.block_height < 1 || directory.block_width > kMostTileSide ||
        directory.block_height > kMostTileSide) {
      return damaged("impossible tile size");
    }
  } else {
    directory.block_width = directory.width;
    directory.block_height = std::clamp<std::int64_t>(side(tiff::kRowsPerStrip, kMostSide), 1, directory.height);
  }
  // Some writers use the names of strips for tiles and the other way round; readers accept both.
  if (offsets == nullptr) {
    offsets = directory.find(tiff::kStripOffsets);
  }
  if (counts == nullptr) {
    counts = directory.find(tiff::kStripByteCounts);
  }
  if (offsets == nullptr || !holds_offsets(offsets->type)) {
    return damaged("no offsets");
  }
  directory.offsets = *offsets;
  if (counts != nullptr && holds_offsets(counts->type)) {
    directory.counts = *counts;
  }
  const std::uint64_t planes = directory.planar == 2 ? directory.samples : 1;
  const auto blocks = static_cast<std::uint64_t>(directory.across()) * static_cast<std::uint64_t>(directory.down());
  // Compared in this order the product of three 31-bit numbers cannot overflow.
  if (blocks > directory.offsets.count || blocks * planes > directory.offsets.count) {
    return damaged(std::to_string(blocks) + " blocks but " + std::to_string(directory.offsets.count) + " offsets");
  }
  if (directory.counts.count != 0 && directory.counts.count < blocks * planes) {
    return damaged(std::to_string(blocks) + " blocks but " + std::to_string(directory.counts.count) + " lengths");
  }
  return {};
}

}  // namespace microtome::image
