// SPDX-License-Identifier: Apache-2.0
// Status codes and plain answers. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace microtome::http {

// The reason phrase of RFC 9110 ("Not Found"); "Status" for numbers it does not name.
[[nodiscard]] std::string_view reason(int status);

// The HTTP status of an error, as base/result.hpp lists them; 499 for cancelled.
[[nodiscard]] int status_of(Code code);

// True for statuses whose answer never has a body: 1xx, 204, 304.
[[nodiscard]] constexpr bool bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

// text/plain with `message` and a line end; "Cache-Control: no-store" for errors and Retry-After (seconds) for 503.
[[nodiscard]] Response text_response(int status, std::string_view message);

// What a client gets for an error: its status and its message, never its context.
[[nodiscard]] Response error_response(const Error& error);

// 405 with the Allow header that goes with it, e.g. "GET, HEAD".
[[nodiscard]] Response method_not_allowed(std::string_view allowed);

inline constexpr int kRetryAfterSeconds = 1;

}  // namespace microtome::http
