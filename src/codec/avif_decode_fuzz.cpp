// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "codec/avif.hpp"

using namespace microtome;         // NOLINT
using namespace microtome::codec;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto info = inspect_avif({data, size});
  const auto image = decode_avif({data, size}, 1 << 18);
  if (image && (!info || image->data.size() != image->stride * static_cast<std::size_t>(image->height))) {
    std::abort();
  }
  return 0;
}
