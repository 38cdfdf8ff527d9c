// SPDX-License-Identifier: Apache-2.0
// Range requests (RFC 9110, section 14) on answers whose length is known. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.hpp"

namespace microtome::http {

struct ByteSpan {
  std::uint64_t first = 0;
  std::uint64_t length = 0;  // 0: the range cannot be satisfied
};

// One range of "bytes=a-b", "bytes=a-" or "bytes=-n" in `size` bytes. nullopt for other units, several ranges and
// what is malformed: these are to be ignored.
[[nodiscard]] std::optional<ByteSpan> parse_range(std::string_view value, std::uint64_t size);

// Turns a 200 of GET into 206, or 416, when the request asks for a range and its If-Range, if there is one, is the
// answer's strong ETag. Bodies that are made while they are sent stay whole.
void apply_range(const Request& request, Response& response);

}  // namespace microtome::http
