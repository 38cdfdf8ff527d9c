// SPDX-License-Identifier: Apache-2.0
// Heads of responses as text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace microtome::net {

// How the length of the body shows.
struct BodyFraming {
  std::optional<std::uint64_t> length;  // Content-Length
  bool chunked = false;                 // Transfer-Encoding
};

// Whether an answer of this status may carry Content-Length and a body.
[[nodiscard]] bool may_have_body(int status);

// A status that can be sent: anything outside 200..599 becomes 500.
[[nodiscard]] int sendable_status(int status);

enum class KeepAlive { implied, stated, close };  // stated: HTTP/1.0 asks to hear it

// "HTTP/1.1 200 OK" to the blank line.
int append_http_head(std::string& out, const http::Response& response, const BodyFraming& framing,
                     KeepAlive keep_alive, std::string_view date);

// "Status: 200 OK" to the blank line, for FastCGI.
int append_cgi_head(std::string& out, const http::Response& response, const BodyFraming& framing);

}  // namespace microtome::net
