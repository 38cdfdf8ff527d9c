// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "engine/stored_quality.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto quality = microtome::engine::stored_quality({data, size});
  if (quality && (*quality < 1 || *quality > 100)) {
    std::abort();
  }
  return 0;
}
