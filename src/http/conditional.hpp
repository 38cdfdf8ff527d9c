// SPDX-License-Identifier: Apache-2.0
// Conditional requests and entity tags (RFC 9110 sections 8.8.3 and 13). Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace microtome::http {

// `"opaque"`, or `W/"opaque"`. Bytes that a tag must not hold (quotes, blanks, control bytes) become "_".
[[nodiscard]] std::string quote_etag(std::string_view opaque, bool weak = false);

// True when a list of tags (the value of If-None-Match or If-Match) is "*" or names `etag` (quoted, perhaps weak).
// The weak comparison takes W/"x" and "x" for equal, the strong one takes weak tags for equal to nothing.
[[nodiscard]] bool list_matches(std::string_view list, std::string_view etag, bool weak_comparison = true);

// Several field lines of one name count as one list.
[[nodiscard]] std::string joined(const Headers& headers, std::string_view name);

enum class Condition { proceed, not_modified, precondition_failed };

// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110
// section 13.2.2. `etag` is quoted or empty (unknown); `mtime_seconds` is unset when unknown. Dates that do not parse
// are ignored, and If-Modified-Since counts only for GET and HEAD without If-None-Match.
[[nodiscard]] Condition evaluate(const Request& request, std::string_view etag,
                                 std::optional<std::int64_t> mtime_seconds);

// The 304 for a response that would have had these headers: keeps what RFC 9110 section 15.4.5 names, and no body.
[[nodiscard]] Response not_modified(const Headers& headers);

}  // namespace microtome::http
