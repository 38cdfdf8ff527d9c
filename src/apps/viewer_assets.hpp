// SPDX-License-Identifier: Apache-2.0
// The viewer's files, embedded in the binary, in the form that protocols serve.
#pragma once

#include <vector>

#include "protocol/protocol.hpp"

namespace microtome::apps {

[[nodiscard]] std::vector<protocol::Asset> viewer_assets();

}  // namespace microtome::apps
