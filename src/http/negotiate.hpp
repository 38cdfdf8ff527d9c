// SPDX-License-Identifier: Apache-2.0
// Content negotiation (RFC 9110 section 12.5). Pure; thread-safe.
#pragma once

#include <string_view>

#include "http/message.hpp"

namespace microtome::http {

// Weight in thousandths that Accept-Encoding gives to `coding` ("br", "gzip", "identity"); 0 = not acceptable.
// Without the header only identity is acceptable. "*" counts for codings that are not named.
[[nodiscard]] int encoding_weight(const Headers& headers, std::string_view coding);

// Weight in thousandths that Accept gives to a media type such as "image/webp"; the most specific range that fits
// decides. Without the header everything weighs 1000.
[[nodiscard]] int media_weight(const Headers& headers, std::string_view media_type);

}  // namespace microtome::http
