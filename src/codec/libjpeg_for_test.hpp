// SPDX-License-Identifier: Apache-2.0
// For tests: what libjpeg makes of planes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "base/bytes.hpp"
#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_planes.hpp"
#include "pixel/planes.hpp"

namespace microtome::codec::test {

// Inside run_guarded(): as encode_jpeg() of the same options is to write it.
inline void set_up(jpeg_compress_struct& handle, int width, int height, int channels, J_COLOR_SPACE colours,
                   const JpegEncodeOptions& options) {
  handle.image_width = static_cast<JDIMENSION>(width);
  handle.image_height = static_cast<JDIMENSION>(height);
  handle.input_components = channels;
  handle.in_color_space = colours;
  jpeg_set_defaults(&handle);
  jpeg_set_quality(&handle, options.quality, TRUE);
  handle.dct_method = options.quality < 96 ? JDCT_IFAST : JDCT_ISLOW;
  if (options.pixels_per_inch > 0) {
    handle.density_unit = 1;
    handle.X_density = handle.Y_density = static_cast<UINT16>(std::lround(options.pixels_per_inch));
  }
}

inline void start(jpeg_compress_struct& handle, const JpegEncodeOptions& options) {
  jpeg_start_compress(&handle, TRUE);
  if (!options.icc.empty()) {
    jpeg_write_icc_profile(&handle, options.icc.data(), static_cast<unsigned>(options.icc.size()));
  }
  if (!options.comment.empty()) {
    jpeg_write_marker(&handle, JPEG_COM, reinterpret_cast<const JOCTET*>(options.comment.data()),
                      static_cast<unsigned>(options.comment.size()));
  }
}

// Nothing when it fails.
inline Bytes libjpeg_encode(const pixel::Image& image, PlaneFactors factors, const JpegEncodeOptions& options) {
  jpeg::Compressor encoder;
  auto& handle = encoder.handle;
  const auto write = [&] {
    set_up(handle, image.width, image.height, image.channels, image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB, options);
    if (image.channels == 3) {
      handle.comp_info[0].h_samp_factor = factors.across;
      handle.comp_info[0].v_samp_factor = factors.down;
    }
    start(handle, options);
    for (int y = 0; y < image.height; ++y) {
      auto* row = const_cast<JSAMPROW>(image.row(y));  // libjpeg only reads it
      jpeg_write_scanlines(&handle, &row, 1);
    }
    jpeg_finish_compress(&handle);
  };
  const bool open = encoder.open(image.data.size()).has_value();
  const bool done = open && jpeg::run_guarded(encoder.trap, write);
  return done ? encoder.take() : Bytes();
}

// Nothing when it fails.
inline Bytes libjpeg_encode(const pixel::Planes& planes, const JpegEncodeOptions& options) {
  jpeg::Compressor encoder;
  auto& handle = encoder.handle;
  const bool open = encoder.open(planes.plane[0].data.size()).has_value();
  const bool started = open && jpeg::run_guarded(encoder.trap, [&] {
                         set_up(handle, planes.width(), planes.height(), 3, JCS_YCbCr, options);
                         handle.comp_info[0].h_samp_factor = planes.across;
                         handle.comp_info[0].v_samp_factor = planes.down;
                         handle.raw_data_in = TRUE;
                         start(handle, options);
                       });
  // Rows of whole blocks: the last column and row repeated.
  std::array<Bytes, 3> kept;
  const auto write = [&] {
    for (int top = 0; top < planes.height(); top += 8 * planes.down) {
      JSAMPROW rows[3][16];
      JSAMPARRAY arrays[3] = {rows[0], rows[1], rows[2]};
      for (int c = 0; c < 3; ++c) {
        const pixel::Image& plane = planes.plane[c];
        const std::size_t width = handle.comp_info[c].width_in_blocks * 8;
        const int first = c == 0 ? top : top / planes.down;
        kept[c].resize(16 * width);
        for (int i = 0; i < 8 * (c == 0 ? planes.down : 1); ++i) {
          rows[c][i] = kept[c].data() + static_cast<std::size_t>(i) * width;
          const std::uint8_t* const from = plane.row(std::min(first + i, plane.height - 1));
          const std::size_t own = std::min<std::size_t>(width, plane.width);
          std::copy_n(from, own, rows[c][i]);
          std::fill(rows[c][i] + own, rows[c][i] + width, from[own - 1]);
        }
      }
      jpeg_write_raw_data(&handle, arrays, static_cast<JDIMENSION>(8 * planes.down));
    }
    jpeg_finish_compress(&handle);
  };
  const bool done = started && jpeg::run_guarded(encoder.trap, write);
  return done ? encoder.take() : Bytes();
}

}  // namespace microtome::codec::test
