// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdlib>

#include "base/bytes.hpp"
#include "set/set_toml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto toml = microtome::set::parse_set_toml(microtome::as_text({data, size}));
  if (!toml.name.empty() && !microtome::set::is_set_name(toml.name)) {
    std::abort();
  }
  for (const auto& slice : toml.slices) {
    if (!slice.number && slice.file.empty()) {
      std::abort();
    }
    for (const double value : slice.transform.value_or(microtome::set::Affine{})) {
      if (!std::isfinite(value)) {
        std::abort();
      }
    }
  }
  return 0;
}
