// SPDX-License-Identifier: Apache-2.0
// MD5 and SHA-1 for the password files and clients that still use them ({SHA}, $apr1$, digest), SHA-256, and base64
// (RFC 4648). By libmd: OpenSSL's would be loaded for nothing else. Pure; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace microtome::host {

[[nodiscard]] std::array<std::uint8_t, 16> md5(std::string_view text);
[[nodiscard]] std::array<std::uint8_t, 20> sha1(std::string_view text);
[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::string_view text);
[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace microtome::host
