// SPDX-License-Identifier: Apache-2.0
// Any bytes as a picture: the index, where tiles lie, one decoded tile and a reduced region. Nothing may crash, hang
// or take memory out of proportion.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "image/picture.hpp"

using namespace microtome;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int fd = ::memfd_create("picture", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  auto file = io::File::adopt(fd, "fuzz");
  if (!file) {
    std::abort();
  }
  image::OpenLimits limits;
  limits.max_decoded_pixels = 4 << 20;
  const auto picture = image::open_picture(*file, limits);
  if (!picture) {
    return 0;
  }
  const image::PictureInfo& info = (*picture)->info();
  if (info.levels.empty() || info.width < 1 || info.height < 1 || info.channels < 1) {
    std::abort();
  }
  for (int l = 0; l < static_cast<int>(info.levels.size()); ++l) {
    const image::Level& level = info.levels[l];
    for (const auto& [x, y] : {std::pair<std::int64_t, std::int64_t>{0, 0}, {level.across() - 1, level.down() - 1}}) {
      const auto stored = (*picture)->stored_tile(l, x, y, true);
      if (stored && (!*stored || (*stored)->visible_width > level.tile_width)) {
        std::abort();
      }
      const auto tile = (*picture)->decode_tile(l, x, y, {});
      if (tile && (tile->channels != info.channels || tile->width > level.tile_width || tile->width < 1)) {
        std::abort();
      }
    }
  }
  int reduction = 4;
  (void)(*picture)->decode_region(
      0, {0, 0, std::min<std::int64_t>(info.width, 300), std::min<std::int64_t>(info.height, 300)}, &reduction, {});
  return 0;
}
