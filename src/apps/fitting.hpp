// SPDX-License-Identifier: Apache-2.0
// The engine's options and the pool's threads, made small enough for what the world around allows.
#pragma once

#include "base/log.hpp"
#include "engine/engine.hpp"

namespace microtome::apps {

// `memory`: bytes that were allowed by a setting; 0 = no such. What was made smaller is logged.
[[nodiscard]] engine::EngineOptions fitted(engine::EngineOptions wanted, std::uint64_t memory, const Log& log);
// `asked` when it is not 0.
[[nodiscard]] int fitted_threads(int asked, std::uint64_t memory);

}  // namespace microtome::apps
