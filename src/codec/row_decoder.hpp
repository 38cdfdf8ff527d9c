// SPDX-License-Identifier: Apache-2.0
// JPEG and PNG files decoded row by row, from bytes that are pulled when they are needed: memory for a few rows,
// however large the picture. Pixels are those of decode_jpeg and decode_png. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

// Fills as much of the span as there is; 0 at the end of the file or when reading fails. Must not throw.
using Pull = std::function<std::size_t(std::span<std::uint8_t>)>;

class RowDecoder {
 public:
  virtual ~RowDecoder() = default;
  [[nodiscard]] virtual int width() const = 0;
  [[nodiscard]] virtual int height() const = 0;
  // The next rows: as many as there are left, at most `rows`; none (height 0) after the last one.
  // Code::corrupt when the file is damaged or ends too early.
  [[nodiscard]] virtual Result<pixel::Image> next(int rows) = 0;
};

using RowDecoderPtr = std::unique_ptr<RowDecoder>;

// grey or rgb of 8 bits. Code::unsupported for what needs the whole picture in memory (several scans) and for inks.
[[nodiscard]] Result<RowDecoderPtr> decode_jpeg_rows(Pull pull);

// As decode_png. Code::unsupported for interlaced files.
[[nodiscard]] Result<RowDecoderPtr> decode_png_rows(Pull pull);

}  // namespace microtome::codec
