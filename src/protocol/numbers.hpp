// SPDX-License-Identifier: Apache-2.0
// Numbers as clients write them. Pure; thread-safe; none depends on the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace microtome::protocol {

inline constexpr std::size_t kMostNumberLength = 32;

// A whole decimal number with an optional sign, nothing around it; nullopt when it is anything else or does not fit.
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text);

// A finite decimal number ("0.25", "-3", "1e3"); nullopt for anything else: NaN, infinities, hexadecimal, blanks.
[[nodiscard]] std::optional<double> parse_real(std::string_view text);

// Numbers with commas between them, at most `most`; blanks around them do not matter. Empty when anything in it is no
// such number, or there are more.
[[nodiscard]] std::vector<std::int64_t> parse_whole_numbers(std::string_view text, std::size_t most);
[[nodiscard]] std::vector<double> parse_real_numbers(std::string_view text, std::size_t most);

// The shortest text that reads back as the same number; "0" for what is not finite.
[[nodiscard]] std::string format_real(double value);

// 16 hexadecimal digits.
[[nodiscard]] std::string format_hex(std::uint64_t value);

}  // namespace microtome::protocol
