// SPDX-License-Identifier: Apache-2.0
// For tests: what libjpeg makes of planes.
#pragma once

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_parameters.hpp"
#include "pixel/planes.hpp"

namespace microtome::codec::test {

// With the accurate transform; nothing when it fails.
inline Bytes libjpeg_encode(const pixel::Planes& planes, const JpegEncodeOptions& options) {
  jpeg::Compressor encoder;
  auto& handle = encoder.handle;
  const bool open = encoder.open(planes.plane[0].data.size()).has_value();
  const bool started = open && jpeg::run_guarded(encoder.trap, [&] {
                         jpeg::set_parameters(handle, planes.width(), planes.height(), 3, options);
                         handle.dct_method = JDCT_ISLOW;
                         handle.in_color_space = JCS_YCbCr;
                         handle.comp_info[0].h_samp_factor = planes.across;
                         handle.comp_info[0].v_samp_factor = planes.down;
                         handle.raw_data_in = TRUE;
                         jpeg::start_stream(handle, options.icc);
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
