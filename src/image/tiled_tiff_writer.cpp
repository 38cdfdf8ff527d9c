// SPDX-License-Identifier: Apache-2.0
#include "image/tiled_tiff_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "image/tiff_tags.hpp"

namespace microtome::image {
namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kEntryBytes = 20;
constexpr std::uint16_t kAscii = 2;
constexpr std::uint16_t kShort = 3;
constexpr std::uint16_t kLong = 4;
constexpr std::uint16_t kBytes = 7;
constexpr std::uint16_t kLong8 = 16;
constexpr std::uint16_t kYcbcrSubSampling = 530;

void put(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

// One directory: entries in order of their tags, values that do not fit an entry behind them.
class Directory {
 public:
  void add(std::uint16_t tag, std::uint16_t type, std::uint64_t count, Bytes value) {
    entries_.push_back({tag, type, count, std::move(value), 0});
  }
  void number(std::uint16_t tag, std::uint16_t type, std::uint64_t value) {
    Bytes bytes;
    put(bytes, value, tiff::bytes_of_type(type));
    add(tag, type, 1, std::move(bytes));
  }
  template <class Number>
  void numbers(std::uint16_t tag, std::uint16_t type, const std::vector<Number>& values) {
    Bytes bytes;
    bytes.reserve(values.size() * tiff::bytes_of_type(type));
    for (const Number value : values) {
      put(bytes, static_cast<std::uint64_t>(value), tiff::bytes_of_type(type));
    }
    add(tag, type, values.size(), std::move(bytes));
  }
  // `count` bytes that lie elsewhere in the file.
  void elsewhere(std::uint16_t tag, std::uint16_t type, std::uint64_t count, std::uint64_t at) {
    entries_.push_back({tag, type, count, {}, at});
  }

  // As it lies at `at`; `more`: another directory follows at once.
  [[nodiscard]] Bytes bytes(std::uint64_t at, bool more) const {
    const std::size_t fixed = 8 + entries_.size() * kEntryBytes + 8;
    Bytes head;
    Bytes values;
    put(head, entries_.size(), 8);
    for (const Entry& entry : entries_) {
      put(head, entry.tag, 2);
      put(head, entry.type, 2);
      put(head, entry.count, 8);
      if (entry.at != 0) {
        put(head, entry.at, 8);
      } else if (entry.value.size() <= 8) {
        head.insert(head.end(), entry.value.begin(), entry.value.end());
        head.resize(head.size() + 8 - entry.value.size());
      } else {
        put(head, at + fixed + values.size(), 8);
        values.insert(values.end(), entry.value.begin(), entry.value.end());
        values.resize((values.size() + 7) / 8 * 8);
      }
    }
    put(head, more ? at + fixed + values.size() : 0, 8);
    head.insert(head.end(), values.begin(), values.end());
    return head;
  }

 private:
  struct Entry {
    std::uint16_t tag;
    std::uint16_t type;
    std::uint64_t count;
    Bytes value;
    std::uint64_t at;
  };
  std::vector<Entry> entries_;
};

}  // namespace

TiledTiffWriter::TiledTiffWriter(io::AtomicFile& file, TiledTiffKind kind, std::vector<Level> levels)
    : file_(file), kind_(std::move(kind)), levels_(std::move(levels)) {
  for (const Level& level : levels_) {
    const auto count = static_cast<std::size_t>(level.across() * level.down());
    tiles_.push_back({std::vector<std::uint64_t>(count), std::vector<std::uint32_t>(count)});
  }
}

Result<std::uint64_t> TiledTiffWriter::append(ByteView bytes) {
  const std::uint64_t at = size_;
  if (auto written = file_.write(bytes); !written) {
    return pass(written.error());
  }
  size_ += bytes.size();
  return at;
}

Result<void> TiledTiffWriter::begin() {
  Bytes header = {'I', 'I', 43, 0, 8, 0, 0, 0};
  put(header, 0, 8);
  auto at = append(header);
  return at ? Result<void>() : pass(at.error());
}

Result<void> TiledTiffWriter::add(int level, std::int64_t x, std::int64_t y, ByteView bytes) {
  const auto at = append(bytes);
  if (!at) {
    return pass(at.error());
  }
  Tiles& tiles = tiles_[static_cast<std::size_t>(level)];
  const auto index = static_cast<std::size_t>(y * levels_[static_cast<std::size_t>(level)].across() + x);
  tiles.offsets[index] = *at;
  tiles.sizes[index] = static_cast<std::uint32_t>(bytes.size());
  return {};
}

Bytes TiledTiffWriter::directory(std::size_t level, std::uint64_t at, std::uint64_t icc_at) const {
  const Level& size = levels_[level];
  const Tiles& tiles = tiles_[level];
  const bool rgb = kind_.channels >= 3;
  const bool ycc = rgb && kind_.jpeg;
  Directory out;
  out.number(tiff::kNewSubfileType, kLong, level == 0 ? 0U : unsigned{tiff::kReduced});
  out.number(tiff::kImageWidth, kLong, static_cast<std::uint64_t>(size.width));
  out.number(tiff::kImageLength, kLong, static_cast<std::uint64_t>(size.height));
  out.numbers(tiff::kBitsPerSample, kShort, std::vector<int>(static_cast<std::size_t>(kind_.channels), kind_.bits));
  out.number(tiff::kCompression, kShort, kind_.jpeg ? tiff::kJpeg : tiff::kAdobeDeflate);
  out.number(tiff::kPhotometric, kShort, ycc ? tiff::kYcbcr : rgb ? tiff::kRgb : tiff::kMinIsBlack);
  if (level == 0 && !kind_.description.empty()) {
    Bytes text(kind_.description.begin(), kind_.description.end());
    text.push_back(0);
    const std::size_t count = text.size();
    out.add(tiff::kImageDescription, kAscii, count, std::move(text));
  }
  out.number(tiff::kSamplesPerPixel, kShort, static_cast<std::uint64_t>(kind_.channels));
  out.number(tiff::kPlanarConfiguration, kShort, 1);
  if (!kind_.jpeg) {
    out.number(tiff::kPredictor, kShort, 2);
  }
  out.number(tiff::kTileWidth, kLong, static_cast<std::uint64_t>(size.tile_width));
  out.number(tiff::kTileLength, kLong, static_cast<std::uint64_t>(size.tile_height));
  out.numbers(tiff::kTileOffsets, kLong8, tiles.offsets);
  out.numbers(tiff::kTileByteCounts, kLong, tiles.sizes);
  if (kind_.alpha) {
    out.number(tiff::kExtraSamples, kShort, tiff::kUnassociated);
  }
  if (ycc) {
    out.numbers(kYcbcrSubSampling, kShort, std::vector<int>{kind_.chroma_across, kind_.chroma_down});
  }
  if (icc_at != 0) {
    out.elsewhere(tiff::kIccProfile, kBytes, kind_.icc.size(), icc_at);
  }
  return out.bytes(at, level + 1 < levels_.size());
}

Result<void> TiledTiffWriter::finish() {
  std::uint64_t icc_at = 0;
  if (kind_.icc.size() > 8) {  // no profile is shorter
    const auto at = append(kind_.icc);
    if (!at) {
      return pass(at.error());
    }
    icc_at = *at;
  }
  const Bytes gap((8 - size_ % 8) % 8);
  if (auto aligned = append(gap); !aligned) {
    return pass(aligned.error());
  }
  const std::uint64_t first = size_;
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    if (auto written = append(directory(level, size_, icc_at)); !written) {
      return pass(written.error());
    }
  }
  Bytes pointer;
  put(pointer, first, 8);
  const ssize_t done = ::pwrite(file_.fd(), pointer.data(), pointer.size(), kHeaderBytes - 8);
  if (std::cmp_not_equal(done, pointer.size())) {
    return fail(Code::io, "cannot write a file",
                file_.temporary() + ": " + std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
  }
  return {};
}

}  // namespace microtome::image
