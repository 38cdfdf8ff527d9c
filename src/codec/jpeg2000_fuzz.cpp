// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "codec/jpeg2000.hpp"

using namespace microtome;         // NOLINT
using namespace microtome::codec;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSource source{size, [&](std::uint64_t offset, std::span<std::uint8_t> out) {
                            if (offset > size || out.size() > size - offset) {
                              return false;
                            }
                            std::copy_n(data + offset, out.size(), out.begin());
                            return true;
                          }};
  const auto info = inspect_jpeg2000(source);
  if (!info) {
    return 0;
  }
  const int reduction = info->resolutions - 1;
  const pixel::Rect area{0, 0, std::min<std::int64_t>(64, info->width_at(reduction)),
                         std::min<std::int64_t>(64, info->height_at(reduction))};
  const auto image = decode_jpeg2000(source, *info, reduction, area);
  if (image &&
      (image->width != area.width || image->data.size() != image->stride * static_cast<std::size_t>(area.height))) {
    std::abort();
  }
  return 0;
}
