// SPDX-License-Identifier: Apache-2.0
// Targets for servers behind: one spelling is its own spelling, means the same, and may stand in a request line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "host/target_form.hpp"
#include "http/uri.hpp"

using namespace microtome;        // NOLINT
using namespace microtome::host;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string plain = plain_target(text);
  const bool fits = std::ranges::all_of(plain, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!fits || plain_target(plain) != plain) {
    std::abort();
  }
  const auto before = http::percent_decode(text);
  const auto after = http::percent_decode(plain);
  if (before && (!after || *after != *before)) {
    std::abort();
  }
  if (has_dot_segment(text) != has_dot_segment(plain)) {
    std::abort();
  }
  return 0;
}
