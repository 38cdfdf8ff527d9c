// SPDX-License-Identifier: Apache-2.0
// A zip with a DeepZoom picture inside; and its description alone.
#include <sys/mman.h>
#include <unistd.h>

#include "image/deepzoom_picture.hpp"

using namespace microtome;         // NOLINT
using namespace microtome::image;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)parse_dzi({reinterpret_cast<const char*>(data), size});
  const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) {
    return 0;
  }
  const auto file = io::File::adopt(fd, "fuzz.zip");
  const auto picture = file ? open_zipped_dzi(*file, {}) : pass(file.error());
  if (picture) {
    (void)(*picture)->stored_tile(0, 0, 0, true);
    (void)(*picture)->decode_tile(0, 0, 0, {});
  }
  return 0;
}
