// SPDX-License-Identifier: Apache-2.0
// The Woolz Internet Imaging Protocol: sections at any angle through 3D objects, and questions about them. A query is
// a program of the Internet Imaging Protocol with the commands WLZ, DST, PIT, YAW, ... (docs/manual.md); a program
// that ends with its WLZ in force is run here.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/call.hpp"
#include "protocol/iip_query.hpp"

namespace microtome::protocol {

// True when the picture that the program is about is named by WLZ.
[[nodiscard]] bool is_woolz(std::span<const IipCommand> commands);

// Runs the program and answers, from `query` as it came. Errors that old viewers know by the word "html" in the body
// are small pages of HTML, with their HTTP status; faults of the protocol are IIP error lines with status 200.
void answer_woolz(const Call& call, std::span<const IipCommand> commands, std::string_view query);

}  // namespace microtome::protocol
