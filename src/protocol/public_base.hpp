// SPDX-License-Identifier: Apache-2.0
// The address under which the world sees the service: for the absolute URLs in answers. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"

namespace microtome::protocol {

// "https://example.org/slides", without a slash at its end: `public_url` when it is set (its own path included), else
// scheme, authority and mount of the request, as the transport takes them from the connection or from trusted
// forwarding headers.
[[nodiscard]] std::string public_base(std::string_view public_url, const http::Request& request);

// A percent-encoded path as it came, fit for a URL in a header or a document: whatever a URL must not hold raw is
// encoded, what is encoded stays.
[[nodiscard]] std::string safe_path(std::string_view raw);

}  // namespace microtome::protocol
