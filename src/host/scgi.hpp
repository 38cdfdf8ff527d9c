// SPDX-License-Identifier: Apache-2.0
// What goes in front of a request's body to an app that speaks SCGI, or uWSGI's own protocol. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace microtome::host {

// `pairs`: the variables as FastCGI name-value pairs. A netstring that begins with CONTENT_LENGTH and SCGI.
[[nodiscard]] std::string scgi_head(std::string_view pairs, std::uint64_t content_length);

// The same for uwsgi (modifiers 0, 0). Variables beyond 65535 bytes are left out: its lengths have 16 bits.
[[nodiscard]] std::string uwsgi_head(std::string_view pairs);

}  // namespace microtome::host
