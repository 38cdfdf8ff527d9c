// SPDX-License-Identifier: Apache-2.0
#include "http/text.hpp"

#include <charconv>

namespace microtome::http {

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> members;
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size()) {
      if (quoted && text[i] == '\\' && i + 1 < text.size()) {
        ++i;
        continue;
      }
      if (text[i] == '"') {
        quoted = !quoted;
      }
      if (text[i] != ',' || quoted) {
        continue;
      }
    }
    const std::string_view member = trim(text.substr(begin, i - begin));
    if (!member.empty()) {
      members.push_back(member);
    }
    begin = i + 1;
  }
  return members;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty() || !is_digit(text.front())) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace microtome::http
