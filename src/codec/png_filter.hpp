// SPDX-License-Identifier: Apache-2.0
// Inside of codec: the row filters of PNG (second edition, chapter 9). Not thread-safe; one per picture.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "codec/png.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

class PngRowFilter {
 public:
  // Rows of `width` pixels of `channels` samples, 8 or 16 bits (native byte order).
  PngRowFilter(int width, int channels, bool wide, PngFilter filter);

  [[nodiscard]] std::size_t filtered_bytes() const { return row_bytes_ + 1; }
  // Filters the next row of the picture into filtered_bytes() bytes: the filter's number, then the row.
  void apply(const std::uint8_t* row, std::uint8_t* out);

 private:
  void write(PngFilter filter, const std::uint8_t* row, std::uint8_t* out) const;
  PngFilter choose(const std::uint8_t* row, std::uint8_t* scratch) const;

  std::size_t pixel_bytes_;
  std::size_t row_bytes_;
  bool wide_;
  PngFilter filter_;
  bool keeps_above_;
  bool has_above_ = false;
  Bytes above_;    // the row before, as written
  Bytes swapped_;  // this row in PNG's byte order
};

}  // namespace microtome::codec
