// SPDX-License-Identifier: Apache-2.0
// The quality that a JPEG was probably saved with, from its luminance quantisation table.
// Pure; thread-safe; takes any bytes.
#pragma once

#include <optional>

#include "base/bytes.hpp"

namespace microtome::engine {

// 1..100 on the scale of the Independent JPEG Group, which is what clients mean by a quality. `head` may end
// anywhere; nullopt when it holds no such table.
[[nodiscard]] std::optional<int> stored_quality(ByteView head);

}  // namespace microtome::engine
