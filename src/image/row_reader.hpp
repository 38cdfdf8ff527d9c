// SPDX-License-Identifier: Apache-2.0
// RowReader: the full-size rows of a picture from top to bottom, once, for whoever wants all of them and little
// memory. Not thread-safe; different readers of one picture may be used at a time. The picture must outlive them.
// Blocks.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::image {

class RowReader {
 public:
  virtual ~RowReader() = default;
  // The next rows, about `rows` and at least one, of the picture's type; none (height 0) after the last.
  [[nodiscard]] virtual Result<pixel::Image> next(int rows) = 0;

  bool halved_colour = false;  // the file stores colour at half the width of brightness, as most JPEGs do
};

using RowReaderPtr = std::unique_ptr<RowReader>;

// Of a picture that is in memory whole.
[[nodiscard]] RowReaderPtr rows_of(pixel::Image whole);

}  // namespace microtome::image
