// SPDX-License-Identifier: Apache-2.0
// The viewer's files, from memory.
#pragma once

#include <string_view>

#include "protocol/call.hpp"

namespace microtome::protocol {

// Answers with the asset of this path, compressed as the client likes; false when there is none.
bool answer_asset(const Call& call, std::string_view path);

// The page at "/", also for "/v/...": the viewer reads the address itself.
void answer_page(const Call& call);

}  // namespace microtome::protocol
