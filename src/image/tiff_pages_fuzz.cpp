// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of several pages: parts of it by every kind of name, and a tile of each. Nothing may crash,
// hang or take memory out of proportion.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "image/picture.hpp"

using namespace microtome;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int fd = ::memfd_create("stack", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  auto file = io::File::adopt(fd, "fuzz.ome.tif");
  if (!file) {
    std::abort();
  }
  image::OpenLimits limits;
  limits.max_decoded_pixels = 1 << 20;
  for (const char* part : {"0", "1", "z1", "z0c1", "t1c0", "z0-merged", "@2", "label", "@layers1"}) {
    const auto picture = image::open_part(*file, part, limits);
    if (!picture) {
      continue;
    }
    const image::PictureInfo& info = (*picture)->info();
    if (info.levels.empty() || info.width < 1 || info.height < 1 || info.channels < 1) {
      std::abort();
    }
    const auto tile = (*picture)->decode_tile(static_cast<int>(info.levels.size()) - 1, 0, 0, {});
    if (tile && (tile->channels != info.channels || tile->sample != info.sample)) {
      std::abort();
    }
  }
  return 0;
}
