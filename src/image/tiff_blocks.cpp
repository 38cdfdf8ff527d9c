// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_blocks.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <utility>

#include "codec/deflate.hpp"
#include "codec/jpeg.hpp"
#include "codec/webp.hpp"
#include "image/tiff_colour.hpp"
#include "image/tiff_jpeg.hpp"
#include "image/tiff_samples.hpp"
#include "image/tiff_tags.hpp"
#include "image/untiled_picture.hpp"
#include "pixel/blit.hpp"
#include "pixel/convert.hpp"
#include "pixel/scale.hpp"

namespace microtome::image {
namespace {

using pixel::Colour;
using pixel::Image;

constexpr std::size_t kMostTables = 64 << 10;
constexpr std::uint64_t kMostTileBytes = 64ULL << 20;  // 4096 x 4096 RGBA
constexpr std::size_t kMostDeflation = 1040;           // deflate cannot make more out of a byte

int divide_up(std::int64_t value, int by) {
  return static_cast<int>((value + by - 1) / by);
}

Image background(const TiffLayout& layout, int width, int height) {
  Image image = Image::make(width, height, layout.channels, layout.colour, layout.sample);
  if (layout.colour == Colour::rgb && layout.sample == pixel::Sample::u8) {
    std::ranges::fill(image.data, 255);
  }
  return image;
}

// What a codec made of a block, as the level's colour and exactly width x height.
Image fit(Image image, const TiffLayout& layout, int width, int height) {
  if (image.channels != layout.channels) {
    image = layout.colour == Colour::grey   ? pixel::to_grey(image)
            : layout.colour == Colour::rgba ? pixel::to_rgba(image)
                                            : pixel::to_rgb(image);
  }
  if (image.width == width && image.height == height) {
    return image;
  }
  Image whole = background(layout, width, height);
  (void)pixel::paste(whole, image, 0, 0);
  return whole;
}

void invert(Image& image) {
  for (std::uint8_t& value : image.data) {
    value = static_cast<std::uint8_t>(~value);
  }
}

}  // namespace

TiffBlocks::TiffBlocks(TiffIndexPtr index, const OpenLimits& limits)
    : index_(std::move(index)), limits_(limits), library_(index_->file()) {}

Result<TiffLevel> TiffBlocks::prepare(const TiffDirectory& directory) const {
  auto layout = layout_of(directory);
  if (!layout) {
    return pass(layout.error(), index_->file()->path());
  }
  const auto pixels = static_cast<std::uint64_t>(directory.block_width) * directory.block_height;
  const std::uint64_t sample_bytes = std::max(pixel::bytes_of(layout->sample), (directory.bits + 7) / 8);
  const std::uint64_t per_pixel = std::max<std::uint64_t>(layout->channels, directory.samples) * sample_bytes;
  if (pixels > limits_.max_decoded_pixels || (directory.tiled && pixels * per_pixel > kMostTileBytes)) {
    return fail(Code::too_large, "the picture is too large to decode",
                index_->file()->path() + ": blocks of " + std::to_string(directory.block_width) + "x" +
                    std::to_string(directory.block_height));
  }
  TiffLevel level{&directory, *layout, {}, {}, {}};
  if (const TiffField* tables = directory.find(tiff::kJpegTables); tables != nullptr) {
    level.jpeg_tables = index_->bytes(*tables, kMostTables);
  }
  if (directory.photometric == tiff::kPalette) {
    const TiffField* map = directory.find(tiff::kColorMap);
    const std::size_t entries = std::size_t{3} << directory.bits;
    const auto values = map != nullptr ? index_->integers(*map, entries) : std::vector<std::uint64_t>{};
    if (values.size() < entries) {
      return fail(Code::corrupt, "the TIFF file is damaged", index_->file()->path() + ": no colour map");
    }
    level.palette.assign(values.begin(), values.end());
  }
  return level;
}

Result<Image> TiffBlocks::decode_raw(const TiffLevel& level, const TiffBlock& block, int width, int height) const {
  const TiffDirectory& directory = *level.directory;
  const std::size_t wanted = block_bytes(directory, width, height);
  const bool deflated = directory.compression != tiff::kNone;
  if (!deflated && block.length < wanted) {
    return fail(Code::corrupt, "the TIFF file is damaged", index_->file()->path() + ": a block is too short");
  }
  // A plain block may be longer than it needs to be; a deflated one cannot tell before it is undone.
  auto stored =
      index_->file()->read(block.offset, deflated ? block.length : std::min<std::uint64_t>(block.length, wanted));
  if (!stored) {
    return pass(stored.error());
  }
  Bytes bytes;
  if (deflated) {
    if (wanted / kMostDeflation > stored->size()) {
      return fail(Code::corrupt, "the TIFF file is damaged", index_->file()->path() + ": a block is too short");
    }
    bytes.resize(block_bytes(directory, width, directory.block_height));  // rows below the picture come along
    auto size = codec::inflate_into(*stored, codec::Wrapper::zlib, bytes);
    if (!size) {
      return fail(Code::corrupt, "the TIFF file is damaged", index_->file()->path() + ": " + size.error().message);
    }
    bytes.resize(*size);
  } else {
    bytes = std::move(*stored);
  }
  if (bytes.size() < wanted) {
    return fail(Code::corrupt, "the TIFF file is damaged", index_->file()->path() + ": a block is too short");
  }
  if (index_->big_endian() != (std::endian::native == std::endian::big)) {
    swap_bytes(bytes.data(), bytes.size(), directory.bits);
  }
  if (directory.predictor == 2 && deflated) {
    undo_differencing(bytes.data(), height, width, directory.samples, directory.bits);
  }
  return to_image(directory, level.layout, bytes, width, height, level.palette, level.inks.get());
}

Result<Image> TiffBlocks::decode_stream(const TiffLevel& level, const TiffBlock& block, int width, int height,
                                        int* denominator) const {
  const TiffDirectory& directory = *level.directory;
  auto stream = index_->file()->read(block.offset, block.length);
  if (!stream) {
    return pass(stream.error());
  }
  const std::uint64_t max_pixels = static_cast<std::uint64_t>(directory.block_width) * directory.block_height;
  const std::string& where = index_->file()->path();
  if (level.layout.way == TiffWay::webp) {
    *denominator = 1;
    auto image = codec::decode_webp(*stream, max_pixels);
    if (!image) {
      return pass(image.error(), where);
    }
    Image whole = fit(std::move(*image), level.layout, width, height);
    if (level.layout.premultiplied) {
      undo_premultiplied(whole, 8);
    }
    return whole;
  }
  auto image = codec::decode_jpeg(closed(*stream), jpeg_options(level, *denominator));
  if (!image) {
    return pass(image.error(), where);
  }
  Image whole = fit(std::move(*image), level.layout, divide_up(width, *denominator), divide_up(height, *denominator));
  if (directory.photometric == tiff::kMinIsWhite) {
    invert(whole);
  }
  return whole;
}

Result<bool> TiffBlocks::decode_into(const TiffLevel& level, std::int64_t x, std::int64_t y, int denominator,
                                     Image& target, const pixel::Rect& place) const {
  const TiffDirectory& directory = *level.directory;
  if (level.layout.way != TiffWay::jpeg || directory.counts.count == 0 || !directory.tiled ||
      directory.photometric == tiff::kMinIsWhite) {
    return false;
  }
  const auto block = index_->block(directory, static_cast<std::uint64_t>(y * directory.across() + x), true);
  if (!block) {
    return pass(block.error());
  }
  if ((*block)->length == 0) {
    return false;
  }
  auto stream = index_->file()->read((*block)->offset, (*block)->length);
  if (!stream) {
    return pass(stream.error());
  }
  auto done = codec::decode_jpeg_into(closed(*stream), jpeg_options(level, denominator), target, place);
  return done ? done : pass(done.error(), index_->file()->path());
}

Result<Image> TiffBlocks::decode_full(const TiffLevel& level, std::int64_t x, std::int64_t y,
                                      int* denominator) const {
  const TiffDirectory& directory = *level.directory;
  const int width = static_cast<int>(directory.block_width);
  // Rows below the picture are not worth decoding, and a tile may have far more of them than the picture has.
  const auto height =
      static_cast<int>(std::min(directory.block_height, directory.height - y * directory.block_height));
  TiffBlock block{0, 1};
  if (directory.counts.count != 0) {
    auto found = index_->block(directory, static_cast<std::uint64_t>(y * directory.across() + x), true);
    if (!found) {
      return pass(found.error());
    }
    block = **found;  // may_block: always there
  }
  if (block.length == 0) {
    return background(level.layout, divide_up(width, *denominator), divide_up(height, *denominator));
  }
  const bool located = directory.counts.count != 0;  // without lengths only libtiff can guess them
  if (located && (level.layout.way == TiffWay::jpeg || level.layout.way == TiffWay::webp)) {
    return decode_stream(level, block, width, height, denominator);
  }
  *denominator = 1;
  if (located && level.layout.way == TiffWay::raw) {
    return decode_raw(level, block, width, height);
  }
  if (level.layout.way == TiffWay::rgba || level.layout.way == TiffWay::jpeg) {
    return library_.rgb(directory, x, y, height);
  }
  auto bytes = library_.samples(directory, x, y, height);
  if (!bytes) {
    return pass(bytes.error());
  }
  return to_image(directory, level.layout, *bytes, width, height, level.palette, level.inks.get());
}

Result<Image> TiffBlocks::decode(const TiffLevel& level, std::int64_t x, std::int64_t y, int denominator) const {
  int done = denominator;
  auto image = decode_full(level, x, y, &done);
  if (!image || done == denominator) {
    return image;
  }
  return pixel::scale(*image, divide_up(image->width, denominator), divide_up(image->height, denominator));
}

int TiffBlocks::best_denominator(const TiffLevel& level, const pixel::Rect& rect, int wish) {
  const TiffDirectory& directory = *level.directory;
  for (int n = 8; n > 1; n /= 2) {
    const bool across = !directory.tiled || directory.block_width % n == 0;  // strips have only one column
    if (n <= wish && rect.x % n == 0 && rect.y % n == 0 && across && directory.block_height % n == 0) {
      return n;
    }
  }
  return 1;
}

Result<Image> TiffBlocks::region(const TiffLevel& level, const pixel::Rect& rect, int denominator,
                                 const CancelToken& cancel) const {
  const TiffDirectory& directory = *level.directory;
  const int width = divide_up(rect.width, denominator);
  const int height = divide_up(rect.height, denominator);
  if (auto small = check_decoded(limits_, width, height, level.layout.channels, level.layout.sample); !small) {
    return pass(small.error());
  }
  Image target;
  const int side_x = divide_up(directory.block_width, denominator);
  const int side_y = divide_up(directory.block_height, denominator);
  const std::int64_t last_x = (rect.x + rect.width - 1) / directory.block_width;
  const std::int64_t last_y = (rect.y + rect.height - 1) / directory.block_height;
  for (std::int64_t y = rect.y / directory.block_height; y <= last_y; ++y) {
    for (std::int64_t x = rect.x / directory.block_width; x <= last_x; ++x) {
      if (cancel.cancelled()) {
        return fail(Code::cancelled, "cancelled");
      }
      const std::int64_t at_x = (x * directory.block_width - rect.x) / denominator;
      const std::int64_t at_y = (y * directory.block_height - rect.y) / denominator;
      if (!target.data.empty()) {
        const auto done = decode_into(level, x, y, denominator, target, {at_x, at_y, side_x, side_y});
        if (!done) {
          return pass(done.error());
        }
        if (*done) {
          continue;
        }
      }
      auto block = decode(level, x, y, denominator);
      if (!block) {
        return pass(block.error());
      }
      if (target.data.empty()) {  // only now: a file that is cut short should not have cost the memory
        // Tiles of JPEG are all of their whole size: every sample is written.
        const auto make = level.layout.way == TiffWay::jpeg && directory.tiled ? &Image::unfilled : &Image::make;
        target = make(width, height, level.layout.channels, level.layout.colour, level.layout.sample);
      }
      (void)pixel::paste(target, *block, at_x, at_y);
    }
  }
  return target;
}

}  // namespace microtome::image
