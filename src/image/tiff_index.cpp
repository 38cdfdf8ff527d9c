// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_index.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

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

std::unexpected<Error> TiffIndex::damaged(const std::string& what) const {
  return fail(Code::corrupt, "the TIFF file is damaged", file()->path() + ": " + what);
}

std::uint64_t TiffIndex::decode(const std::uint8_t* at, unsigned size) const {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) {
    value = value << 8 | at[big_endian_ ? i : size - 1 - i];
  }
  return value;
}

Result<TiffIndexPtr> TiffIndex::open(io::FilePtr file) {
  std::shared_ptr<TiffIndex> index(new TiffIndex(std::move(file)));
  auto offset = index->read_header();
  if (!offset) {
    return pass(offset.error());
  }
  std::set<std::uint64_t> seen;  // a chain that comes back to itself ends there
  for (std::uint64_t at = *offset; at != 0 && index->chain_.size() < kMostDirectories && seen.insert(at).second;) {
    std::uint64_t next = 0;
    auto directory = index->read_directory(at, &next);
    if (!directory) {
      if (index->chain_.empty()) {
        return pass(directory.error());
      }
      break;
    }
    index->chain_.push_back(std::move(*directory));
    at = next;
  }
  if (index->chain_.empty()) {
    return index->damaged("no directory");
  }
  index->read_reduced(seen);
  return index;
}

Result<TiffIndexPtr> TiffIndex::open_at(io::FilePtr file, const std::vector<std::uint64_t>& directories) {
  std::shared_ptr<TiffIndex> index(new TiffIndex(std::move(file)));
  if (auto offset = index->read_header(); !offset) {
    return pass(offset.error());
  }
  std::set<std::uint64_t> seen;
  for (const std::uint64_t at : directories) {
    std::uint64_t ignored = 0;
    if (index->chain_.size() >= kMostDirectories || !seen.insert(at).second) {
      continue;
    }
    auto directory = index->read_directory(at, &ignored);
    if (directory) {
      index->chain_.push_back(std::move(*directory));
    } else if (index->chain_.empty()) {
      return pass(directory.error());
    }
  }
  if (index->chain_.empty()) {
    return index->damaged("no directory");
  }
  index->read_reduced(seen);
  return index;
}

std::vector<TiffDirectory> TiffIndex::walk(io::FilePtr file, std::size_t most) {
  TiffIndex index(std::move(file));
  std::vector<TiffDirectory> chain;
  const auto offset = index.read_header();
  std::set<std::uint64_t> seen;
  for (std::uint64_t at = offset.value_or(0); at != 0 && chain.size() < most && seen.insert(at).second;) {
    auto directory = index.read_directory(at, &at);
    if (!directory) {
      break;
    }
    directory->fields = {};
    directory->children = {};
    chain.push_back(std::move(*directory));
  }
  return chain;
}

// The SubIFDs of the chain; and what smaller levels forget to say.
void TiffIndex::read_reduced(std::set<std::uint64_t>& seen) {
  // Writers of pyramids forget the sample format on the smaller levels: it is that of the first page then.
  const auto inherit = [first = chain_.front()](TiffDirectory& page) {
    if ((page.subfile & tiff::kReduced) != 0 && page.find(tiff::kSampleFormat) == nullptr &&
        page.bits == first.bits && page.samples == first.samples) {
      page.format = first.format;
    }
  };
  std::ranges::for_each(chain_, inherit);
  for (const TiffDirectory& page : chain_) {
    for (const std::uint64_t child : page.children) {
      if (below_.size() < kMostDirectories && seen.insert(child).second) {
        std::uint64_t ignored = 0;
        if (auto directory = read_directory(child, &ignored); directory) {
          inherit(*directory);
          below_.push_back(std::move(*directory));
        }
      }
    }
  }
}

Result<std::uint64_t> TiffIndex::read_header() {
  std::array<std::uint8_t, 16> head{};
  if (file()->size() < 8) {
    return fail(Code::unsupported, "not a picture that can be read", file()->path() + ": too short");
  }
  const std::span<std::uint8_t> part(head.data(), std::min<std::uint64_t>(head.size(), file()->size()));
  if (auto done = file()->read(0, part); !done) {
    return pass(done.error());
  }
  const bool little = head[0] == 'I' && head[1] == 'I';
  big_endian_ = head[0] == 'M' && head[1] == 'M';
  const std::uint64_t version = decode(&head[2], 2);
  if ((!little && !big_endian_) || (version != 42 && version != 43)) {
    return fail(Code::unsupported, "not a picture that can be read", file()->path() + ": no TIFF header");
  }
  big_tiff_ = version == 43;
  if (!big_tiff_) {
    return decode(&head[4], 4);
  }
  if (file()->size() < 16 || decode(&head[4], 2) != 8 || decode(&head[6], 2) != 0) {
    return damaged("odd BigTIFF header");
  }
  return decode(&head[8], 8);
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

Result<std::optional<std::uint64_t>> TiffIndex::element(const TiffField& field, std::uint64_t index,
                                                        bool may_block) const {
  const unsigned size = tiff::bytes_of_type(field.type);
  if (size == 0 || index >= field.count) {
    return damaged("a block without an entry");
  }
  std::array<std::uint8_t, 8> value{};
  auto got = pages_.copy(field.offset + index * size, {value.data(), size}, may_block);
  if (!got) {
    return pass(got.error());
  }
  if (!*got) {
    return std::nullopt;
  }
  return decode(value.data(), size);
}

Result<std::optional<TiffBlock>> TiffIndex::block(const TiffDirectory& directory, std::uint64_t index,
                                                  bool may_block) const {
  if (directory.counts.count == 0) {
    return damaged("no lengths of blocks");
  }
  auto offset = element(directory.offsets, index, may_block);
  if (!offset || !*offset) {
    return offset ? Result<std::optional<TiffBlock>>(std::nullopt) : pass(offset.error());
  }
  auto length = element(directory.counts, index, may_block);
  if (!length || !*length) {
    return length ? Result<std::optional<TiffBlock>>(std::nullopt) : pass(length.error());
  }
  TiffBlock block{**offset, **length};
  if (block.offset == 0 || block.length == 0) {
    return TiffBlock{};  // sparse
  }
  if (block.length > file()->size() || block.offset > file()->size() - block.length) {
    return damaged("block " + std::to_string(index) + " lies outside of the file");
  }
  return block;
}

std::vector<std::uint64_t> TiffIndex::integers(const TiffField& field, std::size_t most) const {
  return integers(field, most, {});
}

std::vector<std::uint64_t> TiffIndex::integers(const TiffField& field, std::size_t most, const Window& window) const {
  const unsigned size = tiff::bytes_of_type(field.type);
  if (field.type == 2 || field.type == 5 || (field.type >= 10 && field.type <= 12)) {
    return {};
  }
  const std::size_t count = std::min<std::uint64_t>(field.count, most);
  Bytes read;
  const std::uint8_t* at = nullptr;
  if (field.offset >= window.offset && field.offset - window.offset + count * size <= window.bytes.size()) {
    at = window.bytes.data() + (field.offset - window.offset);
  } else if (auto bytes = file()->read(field.offset, count * size); bytes) {
    read = std::move(*bytes);
    at = read.data();
  }
  std::vector<std::uint64_t> values;
  if (at != nullptr) {
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      values.push_back(decode(at + i * size, size));
    }
  }
  return values;
}

std::optional<double> TiffIndex::number(const TiffField& field) const {
  const unsigned size = tiff::bytes_of_type(field.type);
  auto bytes = file()->read(field.offset, size);
  if (!bytes) {
    return std::nullopt;
  }
  const std::uint64_t raw = decode(bytes->data(), size);
  switch (field.type) {
    case 5: {
      const auto above = static_cast<double>(decode(bytes->data(), 4));
      const auto below = static_cast<double>(decode(bytes->data() + 4, 4));
      return below == 0 ? std::nullopt : std::optional(above / below);
    }
    case 11:
      return std::bit_cast<float>(static_cast<std::uint32_t>(raw));
    case 12:
      return std::bit_cast<double>(raw);
    default:
      return static_cast<double>(raw);
  }
}

Bytes TiffIndex::bytes(const TiffField& field, std::size_t most, bool cut) const {
  const std::uint64_t size = field.count * tiff::bytes_of_type(field.type);
  if (size > most && !cut) {
    return {};
  }
  auto bytes = file()->read(field.offset, std::min<std::uint64_t>(size, most));
  return bytes ? std::move(*bytes) : Bytes{};
}

std::size_t TiffIndex::memory() const {
  std::size_t bytes = sizeof(*this) - sizeof(FilePages) + pages_.memory();
  for (const auto* list : {&chain_, &below_}) {
    for (const TiffDirectory& directory : *list) {
      bytes += sizeof(directory) + directory.fields.capacity() * sizeof(TiffField) +
               directory.children.capacity() * sizeof(std::uint64_t);
    }
  }
  return bytes;
}

}  // namespace microtome::image
