// SPDX-License-Identifier: Apache-2.0
// Spellings of a request's target for servers behind: they must read out of it what our own conditions have read.
// Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace microtome::host {

// The same target in its one spelling (RFC 3986 section 6.2.2): unreserved characters plain, everything that may not
// stand in a target encoded (also a "%" that escapes nothing), hexadecimal digits in capitals. Other escapes stay.
[[nodiscard]] std::string plain_target(std::string_view target);

// Whether the path of `target` has a segment "." or "..", spelled in any way, with "%2F" counted as a slash.
[[nodiscard]] bool has_dot_segment(std::string_view target);

}  // namespace microtome::host
