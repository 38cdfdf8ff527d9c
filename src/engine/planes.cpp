// SPDX-License-Identifier: Apache-2.0
#include "engine/planes.hpp"

#include <algorithm>
#include <array>

#include "codec/jpeg_planes.hpp"
#include "pixel/scale.hpp"

namespace microtome::engine {
namespace {

// Decoded at once, not in bands: more would cost memory that the bands save.
constexpr std::int64_t kMostPixels = 8 << 20;

// Not what is sampled as iipsrv does it: there colours beyond RGB are cut before they are halved, here never.
bool suits(const image::PictureInfo& info, const RegionArea& area, const RegionPlan& plan, const Encoding& encoding) {
  const bool kept =
      !info.icc || encoding.max_icc < 0 || static_cast<std::int64_t>(info.icc->size()) <= encoding.max_icc;
  const bool plain = kept && !encoding.watermark && area.sampling == Sampling::averaged &&
                     encoding.format == codec::Format::jpeg && encoding.look.plain() && info.has_tiles &&
                     info.channels == 3 && info.colour == pixel::Colour::rgb && info.sample == pixel::Sample::u8;
  return plain && plan.reduction == 1 && plan.target.x == 0 && plan.target.y == 0 &&
         plan.target.width == area.out_width && plan.target.height == area.out_height &&
         plan.source.width >= static_cast<double>(area.out_width) &&
         plan.source.height >= static_cast<double>(area.out_height) &&
         plan.decode.width * plan.decode.height <= kMostPixels;
}

// Colour pixels lie on a grid of their own, of which `across` x `down` pixels of the picture make one; so do those of
// the answer, whose last one may reach beyond it.
pixel::SourceRect colour_rect(const pixel::SourceRect& from, const pixel::Planes& planes, int width, int height,
                              codec::PlaneFactors out) {
  const double wide = static_cast<double>((width + out.across - 1) / out.across * out.across) / width;
  const double high = static_cast<double>((height + out.down - 1) / out.down * out.down) / height;
  return {from.x / planes.across, from.y / planes.down, from.width * wide / planes.across,
          from.height * high / planes.down};
}

}  // namespace

Result<std::optional<Bytes>> render_planes(const image::Picture& picture, const RegionArea& area,
                                           const RegionPlan& plan, const Encoding& encoding,
                                           const CancelToken& cancel) {
  const image::PictureInfo& info = picture.info();
  if (!suits(info, area, plan, encoding)) {
    return std::nullopt;
  }
  pixel::Rect rect = plan.decode;
  rect.width += rect.x % 2;
  rect.height += rect.y % 2;
  rect.x -= rect.x % 2;
  rect.y -= rect.y % 2;
  auto decoded = picture.decode_planes(plan.level, rect, cancel);
  if (!decoded) {
    return pass(decoded.error());
  }
  if (!*decoded) {
    return std::nullopt;
  }
  const pixel::Planes& planes = **decoded;
  codec::JpegEncodeOptions options;
  options.quality = encoding.quality;
  options.icc = info.icc ? ByteView(*info.icc) : ByteView();
  const codec::PlaneFactors out = codec::factors_for(options);
  pixel::Planes scaled;
  scaled.across = out.across;
  scaled.down = out.down;
  const pixel::SourceRect from{plan.source.x - static_cast<double>(rect.x),
                               plan.source.y - static_cast<double>(rect.y), plan.source.width, plan.source.height};
  const pixel::SourceRect colour = colour_rect(from, planes, area.out_width, area.out_height, out);
  for (std::size_t c = 0; c < 3; ++c) {
    auto plane = c == 0 ? pixel::scale(planes.plane[c], from, area.out_width, area.out_height)
                        : pixel::scale(planes.plane[c], colour, (area.out_width + out.across - 1) / out.across,
                                       (area.out_height + out.down - 1) / out.down);
    if (!plane) {
      return pass(plane.error());
    }
    scaled.plane[c] = std::move(*plane);
  }
  if (cancel.cancelled()) {
    return fail(Code::cancelled, "nobody waits any more");
  }
  auto bytes = codec::encode_jpeg_planes(scaled, options);
  return bytes ? Result<std::optional<Bytes>>(std::move(*bytes)) : pass(bytes.error());
}

}  // namespace microtome::engine
