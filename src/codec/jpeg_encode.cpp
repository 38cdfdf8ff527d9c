// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_parameters.hpp"
#include "codec/jpeg_segments.hpp"

namespace microtome::codec {
namespace {

// 8-bit grey or rgb. `kept` holds the converted picture when one is needed.
const pixel::Image& plain_picture(const pixel::Image& image, pixel::Rgb8 background, pixel::Image& kept) {
  const pixel::Image* current = &image;
  if (current->sample != pixel::Sample::u8) {
    kept = pixel::to_u8(*current);
    current = &kept;
  }
  if (pixel::has_alpha(current->colour)) {
    kept = pixel::compose(*current, background);
    current = &kept;
  }
  if (current->channels != 1 && current->colour != pixel::Colour::rgb) {
    kept = pixel::to_rgb(*current);
    current = &kept;
  }
  return *current;
}

}  // namespace

Result<void> jpeg::check_encodable(int width, int height, const JpegEncodeOptions& options) {
  if (width < 1 || height < 1) {
    return fail(Code::bad_request, "empty picture");
  }
  if (width > JPEG_MAX_DIMENSION || height > JPEG_MAX_DIMENSION) {
    return fail(Code::bad_request, "picture too large for JPEG");
  }
  if (options.icc.size() > kMostJpegProfile) {
    return fail(Code::too_large, "colour profile too large for JPEG");
  }
  return {};
}

Result<JpegLayout> jpeg::layout(int width, int height, int channels, PlaneFactors factors,
                                const JpegEncodeOptions& options) {
  JpegLayout layout{.width = width, .height = height, .channels = channels};
  if (channels == 3) {
    layout.across = factors.across;
    layout.down = factors.down;
  }
  const int quality = std::clamp(options.quality, 1, 100);
  layout.dct = quality < kFastBelow ? Dct::fast : Dct::accurate;
  if (options.pixels_per_inch >= 1 && options.pixels_per_inch < 65535) {
    layout.density_unit = 1;
    layout.density = static_cast<std::uint16_t>(std::lround(options.pixels_per_inch));
  }
  // The steps of a quality are libjpeg's.
  Compressor encoder;
  auto& handle = encoder.handle;
  if (auto open = encoder.open(0); !open) {
    return pass(open.error());
  }
  const bool done = run_guarded(encoder.trap, [&] {
    handle.input_components = 3;
    handle.in_color_space = JCS_YCbCr;
    jpeg_set_defaults(&handle);
    jpeg_set_quality(&handle, quality, TRUE);
  });
  if (!done) {  // by our fault or for want of memory, never by the picture's
    Error error = encoder.trap.error();
    error.code = Code::internal;
    return std::unexpected(error);
  }
  for (std::size_t i = 0; i < layout.steps.size(); ++i) {
    std::copy_n(handle.quant_tbl_ptrs[i]->quantval, layout.steps[i].size(), layout.steps[i].begin());
  }
  return layout;
}

Result<Bytes> encode_jpeg(const pixel::Image& source, const JpegEncodeOptions& options) {
  if (source.channels < 1) {
    return fail(Code::bad_request, "empty picture");
  }
  if (auto good = jpeg::check_encodable(source.width, source.height, options); !good) {
    return pass(good.error());
  }
  pixel::Image kept;
  const pixel::Image& image = plain_picture(source, options.background, kept);
  const auto layout = jpeg::layout(image.width, image.height, image.channels, factors_for(options), options);
  if (!layout) {
    return pass(layout.error());
  }
  JpegWriter writer(*layout, options.icc, options.comment.substr(0, 65533));
  writer.add(image);
  writer.finish();
  return writer.take();
}

}  // namespace microtome::codec
