// SPDX-License-Identifier: Apache-2.0
// Any bytes as a NIfTI volume: what opens gives its planes, each as large as it says, or an error.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "woolz/nifti.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace microtome::woolz;  // NOLINT(google-build-using-namespace)
  const int descriptor = memfd_create("nifti", MFD_CLOEXEC);
  if (descriptor < 0 || write(descriptor, data, size) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  auto file = microtome::io::File::adopt(descriptor, "nifti");
  Limits limits;
  limits.max_inflated = 1 << 20;
  auto nifti = file ? Nifti::open(*file, limits) : microtome::Result<Nifti>(std::unexpected(file.error()));
  if (!nifti) {
    return 0;
  }
  const VolumeDescription& d = nifti->description();
  for (const std::int64_t z : {d.box.z1, d.box.z2, d.box.z1}) {
    const auto plane = nifti->plane(z, false);
    const auto pixels = static_cast<std::size_t>(d.box.width() * d.box.height());
    if (plane && (plane->values.size() != pixels * bytes_of(d.grey) || plane->inside.size() != pixels)) {
      std::abort();
    }
  }
  return 0;
}
