// SPDX-License-Identifier: Apache-2.0
// SHA-256 (RFC 6234) for digest authentication. Pure; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace microtome::host {

[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::string_view text);

}  // namespace microtome::host
