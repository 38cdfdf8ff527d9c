// SPDX-License-Identifier: Apache-2.0
// The configuration that is written for a folder of pictures. Stateless.
#pragma once

#include <string>

#include "base/result.hpp"
#include "keep/site.hpp"

namespace microtome::keep {

// "host:port", ":port", "port", "[::]:port", "unix:/path" or "/path", in the form that is kept: "127.0.0.1:8080",
// "[::]:80", "unix:/path". Port 0 becomes a free one. Code::bad_request with a sentence.
[[nodiscard]] Result<std::string> normal_address(const std::string& text);

// Where a site listens when nobody said: $DOMAIN_SOCKET or $PORT where a host gives them, else the first free port of
// 127.0.0.1 from 8080 on.
[[nodiscard]] std::string default_address();

// `program`: the tile server under a name that ends in .fcgi. `memory`: MiB that all of it may take, 0: find out.
[[nodiscard]] std::string config_text(const Site& site, const std::string& program, int memory);

}  // namespace microtome::keep
