// SPDX-License-Identifier: Apache-2.0
// MD5 and SHA-1 for the password files that still hold them ({SHA}, $apr1$), and base64. Not for anything new. Pure;
// thread-safe. RFC 1321, RFC 3174, RFC 4648.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace microtome::host {

[[nodiscard]] std::array<std::uint8_t, 16> md5(std::string_view text);
[[nodiscard]] std::array<std::uint8_t, 20> sha1(std::string_view text);
[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace microtome::host
