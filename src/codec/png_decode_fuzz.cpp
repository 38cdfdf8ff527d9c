// SPDX-License-Identifier: Apache-2.0
// What decodes must survive our own writer unchanged.
#include <cstdlib>

#include "codec/png.hpp"

using namespace microtome;         // NOLINT
using namespace microtome::codec;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = decode_png({data, size}, 1 << 18);
  if (image) {
    const auto info = inspect_png({data, size});
    if (!info || info->width != image->width || info->height != image->height) {
      std::abort();
    }
    const auto again = decode_png(*encode_png(*image, {.filter = PngFilter::adaptive}));
    if (!again || again->data != image->data) {
      std::abort();
    }
  }
  return 0;
}
