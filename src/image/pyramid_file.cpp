// SPDX-License-Identifier: Apache-2.0
#include "image/pyramid_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "codec/deflate.hpp"
#include "codec/jpeg.hpp"
#include "image/tiled_tiff_writer.hpp"
#include "pixel/blit.hpp"
#include "pixel/convert.hpp"
#include "pixel/scale.hpp"

namespace microtome::image {
namespace {

constexpr int kQuality = 90;
constexpr int kDeflateLevel = 1;

// Each sample as the difference from the one to its left: TIFF's predictor 2.
template <class Sample>
void difference_rows(pixel::Image& tile) {
  for (int y = 0; y < tile.height; ++y) {
    std::uint8_t* row = tile.row(y);
    const auto at = [&](int i) { return row + static_cast<std::size_t>(i) * sizeof(Sample); };
    for (int i = tile.width * tile.channels - 1; i >= tile.channels; --i) {
      Sample here = 0;
      Sample left = 0;
      std::memcpy(&here, at(i), sizeof(Sample));
      std::memcpy(&left, at(i - tile.channels), sizeof(Sample));
      here = static_cast<Sample>(here - left);
      std::memcpy(at(i), &here, sizeof(Sample));
    }
  }
}

// A whole tile whose outside repeats the picture's last column and row, so that no edge is encoded there.
pixel::Image padded(const pixel::Image& part, int side) {
  if (part.width == side && part.height == side) {
    return part;
  }
  pixel::Image tile = pixel::Image::make(side, side, part.channels, part.colour, part.sample);
  const auto bytes = static_cast<std::size_t>(part.channels) * static_cast<std::size_t>(bytes_of(part.sample));
  for (int y = 0; y < side; ++y) {
    std::uint8_t* row = tile.row(y);
    std::memcpy(row, part.row(std::min(y, part.height - 1)), part.stride);
    for (int x = part.width; x < side; ++x) {
      std::memcpy(row + bytes * static_cast<std::size_t>(x), row + bytes * static_cast<std::size_t>(part.width - 1),
                  bytes);
    }
  }
  return tile;
}

class Encoder {
 public:
  Encoder(bool jpeg, codec::Subsampling subsampling) : jpeg_(jpeg) {
    options_.quality = kQuality;
    options_.subsampling = subsampling;
  }
  [[nodiscard]] Result<Bytes> encode(pixel::Image tile) const {
    if (jpeg_) {
      return codec::encode_jpeg(tile, options_);
    }
    if (tile.sample == pixel::Sample::u16) {
      difference_rows<std::uint16_t>(tile);
    } else {
      difference_rows<std::uint8_t>(tile);
    }
    return codec::deflate(tile.data, codec::Wrapper::zlib, kDeflateLevel);
  }

 private:
  bool jpeg_;
  codec::JpegEncodeOptions options_;
};

// Rows go in at the full size; each level gathers a row of tiles, writes it, and hands half of it to the next. Tiles
// have even sides, so the halves are those of the whole level.
class LevelRows {
 public:
  LevelRows(const PictureInfo& info, const Encoder& encoder, TiledTiffWriter& writer)
      : info_(info), encoder_(encoder), writer_(writer) {
    for (const Level& level : info.levels) {
      const auto rows = static_cast<int>(std::min<std::int64_t>(level.tile_height, level.height));
      gathered_.push_back(
          {pixel::Image::make(static_cast<int>(level.width), rows, info.channels, info.colour, info.sample), 0, 0});
    }
  }

  Result<void> add(std::size_t level, const pixel::Image& band) {
    Gathered& here = gathered_[level];
    for (int y = 0; y < band.height;) {
      const int count = std::min(band.height - y, here.image.height - here.rows);
      if (count < 1) {
        return fail(Code::io, "the picture changed while it was read");
      }
      std::memcpy(here.image.row(here.rows), band.row(y), band.stride * static_cast<std::size_t>(count));
      here.rows += count;
      y += count;
      if (here.rows == here.image.height) {
        if (auto done = flush(level); !done) {
          return done;
        }
      }
    }
    return {};
  }

  [[nodiscard]] bool complete() const { return gathered_.back().tile_row == info_.levels.back().down(); }

 private:
  struct Gathered {
    pixel::Image image;  // as high as the row of tiles that is being gathered
    int rows = 0;
    std::int64_t tile_row = 0;
  };

  Result<void> flush(std::size_t index) {
    Gathered& here = gathered_[index];
    const Level& level = info_.levels[index];
    for (std::int64_t x = 0; x < level.across(); ++x) {
      const pixel::Rect part{x * level.tile_width, 0, level.tile_width, here.image.height};
      const auto bytes = encoder_.encode(padded(pixel::crop(here.image, part), level.tile_width));
      if (!bytes) {
        return pass(bytes.error());
      }
      if (auto added = writer_.add(static_cast<int>(index), x, here.tile_row, *bytes); !added) {
        return added;
      }
    }
    if (index + 1 < gathered_.size()) {
      const auto half = pixel::shrink2(here.image);
      if (!half) {
        return pass(half.error());
      }
      if (auto added = add(index + 1, *half); !added) {
        return added;
      }
    }
    ++here.tile_row;
    here.rows = 0;
    const std::int64_t left = level.height - here.tile_row * level.tile_height;
    here.image.height = static_cast<int>(std::clamp<std::int64_t>(left, 0, level.tile_height));
    here.image.data.resize(here.image.stride * static_cast<std::size_t>(here.image.height));
    return {};
  }

  const PictureInfo& info_;
  const Encoder& encoder_;
  TiledTiffWriter& writer_;
  std::vector<Gathered> gathered_;
};

bool same_levels(const PictureInfo& one, const PictureInfo& other) {
  return std::ranges::equal(one.levels, other.levels, [](const Level& a, const Level& b) {
    return a.width == b.width && a.height == b.height && a.tile_width == b.tile_width &&
           a.tile_height == b.tile_height;
  });
}

class PyramidPicture final : public Picture {
 public:
  PyramidPicture(PicturePtr source, PicturePtr pyramid)
      : source_(std::move(source)), pyramid_(std::move(pyramid)), info_(source_->info()), id_(source_->id()) {
    info_.has_tiles = true;
    // Other bytes than the source's, so other keys. The pyramid file's own identity does not matter: one that is
    // made again has the same pixels.
    id_.device ^= 0x7079'7261'6d69'6400ULL + kPyramidVersion;
  }
  [[nodiscard]] const PictureInfo& info() const override { return info_; }
  [[nodiscard]] const io::FileId& id() const override { return id_; }
  [[nodiscard]] const io::FileId& file_id() const override { return source_->file_id(); }
  [[nodiscard]] PicturePtr original() const override { return is_exact_pyramid(info_) ? nullptr : source_; }
  [[nodiscard]] std::size_t memory() const override { return sizeof(*this) + source_->memory() + pyramid_->memory(); }
  [[nodiscard]] Result<std::optional<StoredTile>> stored_tile(int level, std::int64_t x, std::int64_t y,
                                                              bool may_block) const override {
    return pyramid_->stored_tile(level, x, y, may_block);
  }
  [[nodiscard]] Result<pixel::Image> decode_tile(int level, std::int64_t x, std::int64_t y,
                                                 const CancelToken& cancel) const override {
    return pyramid_->decode_tile(level, x, y, cancel);
  }
  [[nodiscard]] Result<pixel::Image> decode_region(int level, const pixel::Rect& rect, int* reduction,
                                                   const CancelToken& cancel) const override {
    return pyramid_->decode_region(level, rect, reduction, cancel);
  }
  [[nodiscard]] Result<std::optional<pixel::Planes>> decode_planes(int level, const pixel::Rect& rect,
                                                                   const CancelToken& cancel) const override {
    return pyramid_->decode_planes(level, rect, cancel);
  }

 private:
  PicturePtr source_;
  PicturePtr pyramid_;
  PictureInfo info_;
  io::FileId id_;
};

}  // namespace

bool can_have_pyramid(const PictureInfo& info) {
  using pixel::Colour;
  constexpr std::array kColours = {Colour::grey, Colour::grey_alpha, Colour::rgb, Colour::rgba};
  return !info.has_tiles && (info.sample == pixel::Sample::u8 || info.sample == pixel::Sample::u16) &&
         std::ranges::find(kColours, info.colour) != kColours.end() && info.levels.front().tile_width % 16 == 0 &&
         info.levels.front().tile_width == info.levels.front().tile_height;
}

bool is_exact_pyramid(const PictureInfo& info) {
  return info.sample != pixel::Sample::u8 || pixel::has_alpha(info.colour);
}

std::uint64_t pyramid_bytes(const PictureInfo& info) {
  const auto raw = static_cast<std::uint64_t>(info.width) * static_cast<std::uint64_t>(info.height) *
                   static_cast<std::uint64_t>(info.channels) * static_cast<std::uint64_t>(bytes_of(info.sample));
  const std::uint64_t all_levels = raw / 3 * 4;
  constexpr std::uint64_t kMostJpeg = 3;  // of quality 90, of very noisy pictures
  return is_exact_pyramid(info) ? all_levels : all_levels / kMostJpeg;
}

Result<void> write_pyramid(const Picture& picture, const std::string& path, std::uint64_t max_bytes,
                           const io::Verify& unchanged, const CancelToken& cancel) {
  const PictureInfo& info = picture.info();
  if (!can_have_pyramid(info)) {
    return fail(Code::unsupported, "no pyramid can be made of such a picture");
  }
  auto file = io::AtomicFile::create(path);
  if (!file) {
    return pass(file.error());
  }
  auto rows = picture.rows(max_bytes);
  if (!rows) {
    return pass(rows.error());
  }
  const bool jpeg = !is_exact_pyramid(info);
  // Cameras store colour at half the resolution: keeping more would keep nothing. What had all its colours keeps
  // them.
  const bool halved = jpeg && info.channels == 3 && (*rows)->halved_colour;
  const int chroma = halved ? 2 : 1;
  TiledTiffKind kind{info.channels,
                     8 * bytes_of(info.sample),
                     pixel::has_alpha(info.colour),
                     jpeg,
                     chroma,
                     chroma,
                     info.icc ? ByteView(*info.icc) : ByteView(),
                     "pyramid of a picture without one"};
  TiledTiffWriter writer(*file, std::move(kind), info.levels);
  if (auto begun = writer.begin(); !begun) {
    return begun;
  }
  const Encoder encoder(jpeg, halved ? codec::Subsampling::s420 : codec::Subsampling::s444);
  LevelRows levels(info, encoder, writer);
  for (;;) {
    if (cancel.cancelled()) {
      return fail(Code::cancelled, "cancelled");
    }
    const auto band = (*rows)->next(info.levels.front().tile_height);
    if (!band) {
      return pass(band.error());
    }
    if (band->height == 0) {
      break;
    }
    if (band->width != info.width || band->channels != info.channels || band->sample != info.sample) {
      return fail(Code::io, "the picture changed while it was read", path);
    }
    if (auto added = levels.add(0, *band); !added) {
      return added;
    }
  }
  if (!levels.complete()) {
    return fail(Code::io, "the picture changed while it was read", path);
  }
  if (auto finished = writer.finish(); !finished) {
    return finished;
  }
  return file->commit(unchanged);
}

Result<PicturePtr> with_pyramid(PicturePtr source, PicturePtr pyramid) {
  const PictureInfo& mine = source->info();
  const PictureInfo& its = pyramid->info();
  if (!its.has_tiles || !same_levels(mine, its) || mine.channels != its.channels || mine.sample != its.sample ||
      mine.colour != its.colour) {
    return fail(Code::corrupt, "the pyramid is not of this picture");
  }
  return std::make_shared<PyramidPicture>(std::move(source), std::move(pyramid));
}

}  // namespace microtome::image
