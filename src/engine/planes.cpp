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

// iipsrv cuts colours to RGB before it samples, here they are cut behind it. That shows in noise around full
// saturation only (mean difference up to 8 levels; 1.3 in stained tissue), so it is done where it saves much time.
constexpr std::int64_t kLeastSampled = 1 << 20;

bool suits(const image::PictureInfo& info, const RegionArea& area, const RegionPlan& plan, const Encoding& encoding) {
  const bool kept =
      !info.icc || encoding.max_icc < 0 || static_cast<std::int64_t>(info.icc->size()) <= encoding.max_icc;
  const bool plain =
      kept && !encoding.watermark && plan.filter != pixel::Filter::nearest &&
      (area.sampling == Sampling::averaged || plan.decode.width * plan.decode.height >= kLeastSampled) &&
      encoding.format == codec::Format::jpeg && encoding.look.plain() && info.has_tiles && info.channels == 3 &&
      info.colour == pixel::Colour::rgb && info.sample == pixel::Sample::u8;
  return plain && plan.reduction == 1 && plan.target.x == 0 && plan.target.y == 0 &&
         plan.target.width == area.out_width && plan.target.height == area.out_height &&
         plan.source.width >= static_cast<double>(area.out_width) &&
         plan.source.height >= static_cast<double>(area.out_height) &&
         plan.decode.width * plan.decode.height <= kMostPixels;
}

// One axis of where the pixels of colour of the answer, each of which stands for `out` of its pixels, lie in a plane
// of colour, each of which stands for `in`. When boxes are averaged their edges count, and the last one may reach
// beyond the answer; when corners are sampled it is the middles, which is where JPEG's colour lies.
struct Span {
  double from = 0;
  double size = 0;
};
Span colour_span(double from, double size, int count, int in, int out, bool corners) {
  const double step = size / count;
  const int colours = (count + out - 1) / out;
  const double start = corners ? from + (out - 1) / 2.0 * step - (in - 1) / 2.0 : from;
  return {start / in, step * out * colours / in};
}

pixel::SourceRect colour_rect(const pixel::SourceRect& from, const pixel::Planes& planes, const RegionArea& area,
                              codec::PlaneFactors out, bool corners) {
  const Span x = colour_span(from.x, from.width, area.out_width, planes.across, out.across, corners);
  const Span y = colour_span(from.y, from.height, area.out_height, planes.down, out.down, corners);
  return {x.from, y.from, x.size, y.size};
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
  const bool corners = plan.filter == pixel::Filter::corner;
  const pixel::SourceRect colour = colour_rect(from, planes, area, out, corners);
  const pixel::Filter colour_filter = corners ? pixel::Filter::corner_near : plan.filter;
  for (std::size_t c = 0; c < 3; ++c) {
    auto plane = c == 0 ? pixel::scale(planes.plane[c], from, area.out_width, area.out_height, plan.filter)
                        : pixel::scale(planes.plane[c], colour, (area.out_width + out.across - 1) / out.across,
                                       (area.out_height + out.down - 1) / out.down, colour_filter);
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
