// SPDX-License-Identifier: Apache-2.0
// The viewer's page, embedded in the program. Immutable static data, readable from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace microtome::viewer {

// One page holds everything (script and style are inlined), so that it works below any mount. It is the answer to "/",
// "/v/{set}" and "/v/{set}/{slice}".
struct Page {
  std::string_view media_type;
  std::span<const std::uint8_t> plain;
  std::span<const std::uint8_t> gzip;
  std::span<const std::uint8_t> brotli;
  std::string_view etag;                     // quoted; of the plain form: add a suffix for an encoded one
  std::string_view content_security_policy;  // value of the header: only this script and style run, nothing from elsewhere
};

[[nodiscard]] const Page& page();

}  // namespace microtome::viewer
