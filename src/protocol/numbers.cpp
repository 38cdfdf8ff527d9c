// SPDX-License-Identifier: Apache-2.0
#include "protocol/numbers.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "http/text.hpp"

namespace microtome::protocol {

namespace {

// std::from_chars reads no plus.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  if (text.empty() || text.size() > kMostNumberLength) {
    return std::nullopt;
  }
  if (text.front() == '+') {
    text.remove_prefix(1);
    if (text.starts_with('-')) {
      return std::nullopt;
    }
  }
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

template <class Number>
std::vector<Number> parse_list(std::string_view text, std::size_t most,
                               std::optional<Number> (*parse)(std::string_view)) {
  std::vector<Number> numbers;
  while (true) {
    const std::size_t comma = text.find(',');
    const auto number = parse(http::trim(text.substr(0, comma)));
    if (!number || numbers.size() >= most) {
      return {};
    }
    numbers.push_back(*number);
    if (comma == std::string_view::npos) {
      return numbers;
    }
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::optional<std::int64_t> parse_int(std::string_view text) {
  return parse_number<std::int64_t>(text);
}

std::optional<double> parse_real(std::string_view text) {
  const auto value = parse_number<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::vector<std::int64_t> parse_whole_numbers(std::string_view text, std::size_t most) {
  return parse_list<std::int64_t>(text, most, parse_int);
}

std::vector<double> parse_real_numbers(std::string_view text, std::size_t most) {
  return parse_list<double>(text, most, parse_real);
}

std::string format_real(double value) {
  if (!std::isfinite(value)) {
    return "0";
  }
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::string(text.data(), end) : "0";
}

std::string format_hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[text.size() - 1 - i] = kDigits[(value >> (4 * i)) & 15];
  }
  return text;
}

}  // namespace microtome::protocol
