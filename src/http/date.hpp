// SPDX-License-Identifier: Apache-2.0
// HTTP dates (RFC 9110 section 5.6.7). Pure; thread-safe; no locale, no time zone data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace microtome::http {

// "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970. Years outside 0000-9999 are clamped to that range.
[[nodiscard]] std::string format_date(std::int64_t seconds);

// Seconds since 1970 of an IMF-fixdate, an RFC 850 date (two-digit years more than 50 years in the future of
// `now_seconds` are of the last century) or an asctime date; nullopt for anything else, also for a day that does not
// exist.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_seconds = 1767225600);

// Whole seconds of a file time as HTTP shows it (rounded down, also before 1970).
[[nodiscard]] constexpr std::int64_t seconds_of(std::int64_t nanoseconds) {
  const std::int64_t whole = nanoseconds / 1'000'000'000;
  return nanoseconds % 1'000'000'000 < 0 ? whole - 1 : whole;
}

}  // namespace microtome::http
