// SPDX-License-Identifier: Apache-2.0
// GET /healthz: is the server well, and what has it done. Answers at once, from counters only.
#pragma once

#include "protocol/call.hpp"

namespace microtome::protocol {

void answer_health(const Call& call);

}  // namespace microtome::protocol
