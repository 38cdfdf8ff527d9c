// SPDX-License-Identifier: Apache-2.0
// Inside of codec: writes sequential JPEG, byte for byte as libjpeg with the tables of ITU-T T.81 annex K does. A
// writer belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "codec/fdct.hpp"
#include "codec/huffman_writer.hpp"
#include "pixel/planes.hpp"

namespace microtome::codec {

struct JpegLayout {
  int width = 0;  // pixels
  int height = 0;
  int channels = 3;  // or 1
  int across = 1;    // pixels of Y to one of Cb and Cr
  int down = 1;
  std::array<std::array<std::uint16_t, 64>, 2> steps{};  // of Y, and of Cb and Cr, row by row, 1 to 255
  Dct dct = Dct::accurate;
  std::uint8_t density_unit = 0;  // as in JFIF
  std::uint16_t density = 1;
};

class JpegWriter {
 public:
  // Starts the stream: all that stands before the scan. Sides are 1 to 65,535; a profile is at most 255 segments, a
  // comment 65,533 bytes.
  JpegWriter(const JpegLayout& layout, ByteView icc, std::string_view comment = {});
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  // The next row of MCUs: 8 * down rows of Y from row `first` of its plane on, and what belongs to them of Cb and Cr.
  // Planes end where the picture does, or after this row; their last samples are repeated.
  void add(const pixel::Planes& planes, int first);
  // Or the next rows of the picture, as many as there are, but no more than it has: 8-bit grey or rgb. Colour is
  // whole, or halved both ways.
  void add(const pixel::Image& rows);
  // After the last row.
  void finish();
  // What has been written since the last call.
  [[nodiscard]] Bytes take();

 private:
  void transform(const pixel::Image& plane, int first, std::size_t component);
  void add_row(const std::uint8_t* samples);
  void append_stuffed(const std::uint8_t* end);

  JpegLayout layout_;
  std::size_t mcus_ = 0;  // of a row
  std::size_t group_ = 1;
  std::array<Quantiser, 2> quantisers_;
  std::vector<WrittenComponent> components_;
  std::array<std::vector<std::int16_t>, 3> coefficients_;
  std::array<std::vector<std::uint64_t>, 3> nonzero_;
  Bytes bits_;  // of a row of MCUs, without stuffing
  BitWriter writer_;
  Bytes out_;
  // Of add(rows):
  pixel::Planes band_;          // a row of MCUs; halved colour fills whole blocks
  std::array<Bytes, 4> whole_;  // Cb of two rows, Cr of two rows, before they are halved
  int rows_ = 0;                // in the band
  int left_ = 0;                // of the picture
};

}  // namespace microtome::codec
