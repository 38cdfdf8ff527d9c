// SPDX-License-Identifier: Apache-2.0
// Any text as a selection, a value map, and a plane to fit; what parses prints and parses again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "woolz/command.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace microtome::woolz;  // NOLINT(google-build-using-namespace)
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto selector = parse_selector(text)) {
    const auto again = parse_selector(selector->expression.text());
    if (!again || again->expression.text() != selector->expression.text()) {
      std::abort();
    }
  }
  Parameters parameters;
  for (const char* name : {"MAP", "FPL", "PRL", "FXP", "SCL", "DST", "MOD"}) {
    (void)take_parameter(parameters, name, text);
  }
  return 0;
}
