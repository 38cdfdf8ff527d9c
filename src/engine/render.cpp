// SPDX-License-Identifier: Apache-2.0
#include "engine/render.hpp"

#include <array>
#include <utility>

#include "codec/encode.hpp"
#include "codec/icc.hpp"
#include "codec/jpeg.hpp"
#include "engine/look.hpp"
#include "engine/planes.hpp"
#include "engine/region.hpp"
#include "pixel/blit.hpp"

namespace microtome::engine {
namespace {

Result<Bytes> encode(const image::PictureInfo& info, pixel::Image shown, const Encoding& encoding,
                     const CancelToken& cancel) {
  if (cancel.cancelled()) {
    return fail(Code::cancelled, "nobody waits any more");
  }
  auto image = apply_look(std::move(shown), encoding.look, encoding.background, keeps_alpha(encoding.format));
  if (!image) {
    return pass(image.error());
  }
  const ByteView profile = keep_profile(*image, profile_for(info, image->colour), encoding.format, encoding.max_icc);
  if (encoding.watermark) {
    stamp(*image, *encoding.watermark, encoding.seed);
  }
  codec::EncodeOptions options = codec::options_of(encoding.format, encoding.quality);
  options.background = encoding.background;
  options.icc = profile;
  options.compression = encoding.compression;
  return codec::encode(*image, encoding.format, options);
}

}  // namespace

bool keeps_alpha(codec::Format format) {
  return format != codec::Format::jpeg && format != codec::Format::pdf;
}

ByteView profile_for(const image::PictureInfo& info, pixel::Colour shown) {
  const auto is_grey = [](pixel::Colour colour) {
    return colour == pixel::Colour::grey || colour == pixel::Colour::grey_alpha;
  };
  const auto is_rgb = [](pixel::Colour colour) {
    return colour == pixel::Colour::rgb || colour == pixel::Colour::rgba;
  };
  const bool same = (is_grey(info.colour) && is_grey(shown)) || (is_rgb(info.colour) && is_rgb(shown));
  return info.icc && same ? ByteView(*info.icc) : ByteView();
}

ByteView keep_profile(pixel::Image& image, ByteView profile, codec::Format format, std::int64_t most) {
  const bool carried = format != codec::Format::gif && format != codec::Format::pdf;
  if (profile.empty() || (carried && (most < 0 || static_cast<std::int64_t>(profile.size()) <= most))) {
    return profile;
  }
  codec::to_srgb(image, profile);
  return {};
}

Result<void> check_format(codec::Format format) {
  if (!codec::can_encode(format)) {
    return fail(Code::unsupported, "this picture format cannot be written");
  }
  return {};
}

Result<Bytes> render_crop(const image::Picture& picture, const TileArea& area, const image::StoredTile& stored,
                          const Encoding& encoding, const CancelToken& cancel) {
  Bytes stream;
  stream.reserve((stored.prefix ? stored.prefix->size() : 0) + stored.range.length +
                 (stored.suffix ? stored.suffix->size() : 0));
  if (stored.prefix) {
    stream.insert(stream.end(), stored.prefix->begin(), stored.prefix->end());
  }
  const std::size_t at = stream.size();
  stream.resize(at + stored.range.length);
  const auto read = stored.range.file->read(stored.range.offset, {stream.data() + at, stored.range.length});
  if (!read) {
    return pass(read.error());
  }
  if (stored.suffix) {
    stream.insert(stream.end(), stored.suffix->begin(), stored.suffix->end());
  }
  auto cropped = codec::crop_jpeg(stream, stored.visible_width, stored.visible_height);
  if (!cropped) {
    return render_tile(picture, area, encoding, cancel);
  }
  return cropped;
}

Result<Bytes> render_tile(const image::Picture& picture, const TileArea& area, const Encoding& encoding,
                          const CancelToken& cancel) {
  auto decoded = picture.decode_tile(area.level, area.x, area.y, cancel);
  if (!decoded) {
    return pass(decoded.error());
  }
  pixel::Image shown = for_display(std::move(*decoded), picture.info().bits, encoding.background,
                                   keeps_alpha(encoding.format), encoding.deep ? Depth::sixteen : Depth::eight);
  return encode(picture.info(), std::move(shown), encoding, cancel);
}

Result<Bytes> render_area(const image::Picture& picture, const RegionArea& area, const RegionPlan& plan,
                          const Encoding& encoding, const CancelToken& cancel) {
  auto planes = render_planes(picture, area, plan, encoding, cancel);
  if (!planes) {
    return pass(planes.error());
  }
  if (*planes) {
    return std::move(**planes);
  }
  auto image = render_region(picture, area, plan, encoding.background, keeps_alpha(encoding.format), cancel,
                             encoding.deep ? Depth::sixteen : Depth::eight);
  if (!image) {
    return pass(image.error());
  }
  return encode(picture.info(), std::move(*image), encoding, cancel);
}

Result<Bytes> render_background(int width, int height, const Encoding& encoding) {
  pixel::Image image = pixel::Image::make(width, height, 3, pixel::Colour::rgb);
  const std::array<std::uint8_t, 3> colour = {encoding.background.red, encoding.background.green,
                                              encoding.background.blue};
  pixel::fill(image, {0, 0, width, height}, colour);
  codec::EncodeOptions options = codec::options_of(encoding.format, encoding.quality);
  options.compression = encoding.compression;
  return codec::encode(image, encoding.format, options);
}

}  // namespace microtome::engine
