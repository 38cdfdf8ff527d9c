// SPDX-License-Identifier: Apache-2.0
// For tests only: the largest allocation by operator new since it was last forgotten. Thread-safe.
#pragma once

#include <cstddef>

namespace microtome::woolz {

[[nodiscard]] std::size_t largest_allocation();  // bytes
void forget_allocations();

}  // namespace microtome::woolz
