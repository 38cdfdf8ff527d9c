// SPDX-License-Identifier: Apache-2.0
// JPEG tiles joined as planes of YCbCr.
#include <algorithm>
#include <cstring>

#include "codec/jpeg_planes.hpp"
#include "image/tiff_blocks.hpp"
#include "image/tiff_jpeg.hpp"
#include "image/untiled_picture.hpp"

namespace microtome::image {
namespace {

// White, as background() of the same place in RGB: the tile of that size at (x, y) of the planes.
void fill_white(pixel::Planes& planes, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height) {
  for (std::size_t c = 0; c < planes.plane.size(); ++c) {
    pixel::Image& plane = planes.plane[c];
    const std::int64_t across = c == 0 ? 1 : planes.across;
    const std::int64_t down = c == 0 ? 1 : planes.down;
    const std::int64_t left = std::max<std::int64_t>(0, x / across);
    const std::int64_t right = std::min<std::int64_t>(plane.width, (x + width + across - 1) / across);
    const std::int64_t bottom = std::min<std::int64_t>(plane.height, (y + height + down - 1) / down);
    for (std::int64_t row = std::max<std::int64_t>(0, y / down); row < bottom && left < right; ++row) {
      std::memset(plane.row(static_cast<int>(row)) + left, c == 0 ? 255 : 128,
                  static_cast<std::size_t>(right - left));
    }
  }
}

}  // namespace

// Nothing (not an error): the region has to be decoded to RGB.
Result<std::optional<pixel::Planes>> TiffBlocks::planes(const TiffLevel& level, const pixel::Rect& rect,
                                                        const CancelToken& cancel) const {
  const TiffDirectory& directory = *level.directory;
  if (level.layout.way != TiffWay::jpeg || !directory.tiled || directory.counts.count == 0 ||
      directory.samples != 3 || directory.photometric == tiff::kRgb) {
    return std::nullopt;
  }
  if (auto small = check_decoded(limits_, rect.width, rect.height, 3, pixel::Sample::u8); !small) {
    return pass(small.error());
  }
  const codec::JpegDecodeOptions options = jpeg_options(level, 1);
  std::optional<pixel::Planes> target;
  const std::int64_t last_x = (rect.x + rect.width - 1) / directory.block_width;
  const std::int64_t last_y = (rect.y + rect.height - 1) / directory.block_height;
  for (std::int64_t y = rect.y / directory.block_height; y <= last_y; ++y) {
    for (std::int64_t x = rect.x / directory.block_width; x <= last_x; ++x) {
      if (cancel.cancelled()) {
        return fail(Code::cancelled, "cancelled");
      }
      const std::int64_t left = x * directory.block_width - rect.x;  // in the planes
      const std::int64_t top = y * directory.block_height - rect.y;
      const auto block = index_->block(directory, static_cast<std::uint64_t>(y * directory.across() + x), true);
      if (!block) {
        return pass(block.error());
      }
      if ((*block)->length == 0) {
        if (!target) {
          return std::nullopt;  // its factors are not known
        }
        fill_white(*target, left, top, directory.block_width, directory.block_height);
        continue;
      }
      auto stream = index_->file()->read((*block)->offset, (*block)->length);
      if (!stream) {
        return pass(stream.error());
      }
      closed(*stream);
      if (!target) {
        const auto info = codec::inspect_jpeg(*stream, level.jpeg_tables);
        const auto factors = info ? codec::plane_factors(*info) : std::nullopt;
        if (!factors || rect.x % factors->across != 0 || rect.y % factors->down != 0 ||
            directory.block_width % factors->across != 0 || directory.block_height % factors->down != 0) {
          return std::nullopt;
        }
        target = pixel::Planes::make(static_cast<int>(rect.width), static_cast<int>(rect.height), factors->across,
                                     factors->down);
      }
      const auto done = codec::decode_jpeg_planes(*stream, options, static_cast<int>(directory.block_width),
                                                  static_cast<int>(directory.block_height), *target, left, top);
      if (!done) {
        return pass(done.error(), index_->file()->path());
      }
      if (!*done) {
        return std::nullopt;
      }
    }
  }
  return target;
}

}  // namespace microtome::image
