// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_parameters.hpp"
#include "codec/jpeg_planes.hpp"

namespace microtome::codec {
namespace {

using jpeg::run_guarded;

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

void write_rows(jpeg_compress_struct& handle, const pixel::Image& image) {
  std::array<JSAMPROW, 16> rows{};
  while (handle.next_scanline < handle.image_height) {
    const auto first = static_cast<int>(handle.next_scanline);
    const int count = std::min<int>(static_cast<int>(rows.size()), image.height - first);
    for (int i = 0; i < count; ++i) {
      rows[i] = const_cast<std::uint8_t*>(image.row(first + i));  // libjpeg only reads it
    }
    jpeg_write_scanlines(&handle, rows.data(), static_cast<JDIMENSION>(count));
  }
}

}  // namespace

void jpeg::set_parameters(jpeg_compress_struct& handle, int width, int height, int channels,
                          const JpegEncodeOptions& options) {
  const int quality = std::clamp(options.quality, 1, 100);
  handle.image_width = static_cast<JDIMENSION>(width);
  handle.image_height = static_cast<JDIMENSION>(height);
  handle.input_components = channels;
  handle.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&handle);
  jpeg_set_quality(&handle, quality, TRUE);
  // The fast transform is coarse where next to nothing is quantised away.
  constexpr int kFastBelow = 96;
  handle.dct_method = quality < kFastBelow ? JDCT_IFAST : JDCT_ISLOW;
  if (channels == 3) {
    const PlaneFactors factors = factors_for(options);
    handle.comp_info[0].h_samp_factor = factors.across;
    handle.comp_info[0].v_samp_factor = factors.down;
  }
  if (options.pixels_per_inch >= 1 && options.pixels_per_inch < 65535) {
    handle.density_unit = 1;
    handle.X_density = static_cast<UINT16>(std::lround(options.pixels_per_inch));
    handle.Y_density = handle.X_density;
  }
}

Result<void> jpeg::check_encodable(int width, int height, const JpegEncodeOptions& options) {
  if (width < 1 || height < 1) {
    return fail(Code::bad_request, "empty picture");
  }
  if (width > JPEG_MAX_DIMENSION || height > JPEG_MAX_DIMENSION) {
    return fail(Code::bad_request, "picture too large for JPEG");
  }
  if (options.icc.size() > 255U * 65519U) {
    return fail(Code::too_large, "colour profile too large for JPEG");
  }
  return {};
}

void jpeg::start_stream(jpeg_compress_struct& handle, ByteView icc) {
  jpeg_start_compress(&handle, TRUE);
  if (!icc.empty()) {
    jpeg_write_icc_profile(&handle, icc.data(), static_cast<unsigned>(icc.size()));
  }
}

Error jpeg::writing_error(const ErrorTrap& trap) {
  Error error = trap.error();
  error.code = Code::internal;
  return error;
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
  const std::string_view comment = options.comment.substr(0, 65533);
  jpeg::Compressor encoder;
  auto& handle = encoder.handle;
  const std::size_t pixels = static_cast<std::size_t>(image.width) * image.height;
  if (auto open = encoder.open(pixels / 4 + options.icc.size() + comment.size()); !open) {
    return pass(open.error());
  }
  const bool done = run_guarded(encoder.trap, [&] {
    jpeg::set_parameters(handle, image.width, image.height, image.channels, options);
    jpeg::start_stream(handle, options.icc);
    if (!comment.empty()) {
      jpeg_write_marker(&handle, JPEG_COM, reinterpret_cast<const JOCTET*>(comment.data()),
                        static_cast<unsigned>(comment.size()));
    }
    write_rows(handle, image);
    jpeg_finish_compress(&handle);
  });
  if (!done) {
    return std::unexpected(jpeg::writing_error(encoder.trap));
  }
  return encoder.take();
}

}  // namespace microtome::codec
