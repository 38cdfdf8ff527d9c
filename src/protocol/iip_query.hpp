// SPDX-License-Identifier: Apache-2.0
// The query language of the Internet Imaging Protocol and its Woolz extension: "FIF=a.tif&WID=200&CVT=jpeg".
// Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace microtome::protocol {

struct IipCommand {
  std::string name;      // upper case
  std::string argument;  // percent-decoded, but for commands that must be taken raw (SEL, MAP, FPL)
};

// True when the query begins with a command of the protocol (case does not matter): then it is meant whatever the
// path.
[[nodiscard]] bool is_iip_query(std::string_view query);

// Cut at "&", then at the first "=". Pieces with an empty name or argument are dropped; a piece without "=" is its
// own argument. Code::bad_request for more than 1000 commands.
[[nodiscard]] Result<std::vector<IipCommand>> parse_iip(std::string_view query);

}  // namespace microtome::protocol
