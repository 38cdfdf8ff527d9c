// SPDX-License-Identifier: Apache-2.0
#include "image/row_reader.hpp"

#include <algorithm>
#include <utility>

#include "pixel/blit.hpp"

namespace microtome::image {
namespace {

class WholeRows final : public RowReader {
 public:
  explicit WholeRows(pixel::Image whole) : whole_(std::move(whole)) {}
  Result<pixel::Image> next(int rows) override {
    const int count = std::min(rows, whole_.height - next_);
    if (count <= 0) {
      return pixel::Image{};
    }
    pixel::Image band = pixel::crop(whole_, {0, next_, whole_.width, count});
    next_ += count;
    return band;
  }

 private:
  pixel::Image whole_;
  int next_ = 0;
};

}  // namespace

RowReaderPtr rows_of(pixel::Image whole) {
  return std::make_unique<WholeRows>(std::move(whole));
}

}  // namespace microtome::image
