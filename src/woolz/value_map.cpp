// SPDX-License-Identifier: Apache-2.0
#include "woolz/value_map.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace microtome::woolz {
namespace {

constexpr double kEpsilon = 1e-6;

// Formulas: docs/formats/woolz.md, "Value maps". `i` counts from in_low.
double mapped(const MapSpec& s, std::int64_t i) {
  const double n = static_cast<double>(s.in_high) - s.in_low + 1;
  const double span = s.out_high - s.out_low + 1;
  const auto x = static_cast<double>(i);
  switch (s.function) {
    case MapFunction::identity:
      return x;
    case MapFunction::linear:
      return s.out_low + std::trunc(x * span / n + kEpsilon);
    case MapFunction::gamma:
      return std::trunc(span * std::pow(x / n, s.first) + s.out_low + kEpsilon);
    case MapFunction::sigmoid: {
      const double sigma = std::abs(s.second) < kEpsilon ? kEpsilon : s.second;
      const double q = 1 / (sigma * sigma);
      const double low = 1 / (1 + std::exp(-(s.in_low - s.first) * q));
      const double f = 1 / (1 / (1 + std::exp(-(s.in_high - s.first) * q)) - low);
      const double t = span * f;
      return std::trunc(t / (1 + std::exp(-(x - s.first) * q)) + s.out_low - t * low + kEpsilon);
    }
  }
  return 0;
}

std::uint32_t byte_of(const MapSpec& s, std::int64_t i) {
  const double v = mapped(s, i);
  return std::isnan(v) ? 0U : static_cast<std::uint32_t>(std::clamp(v, 0.0, 255.0));
}

struct Words {
  std::string_view rest;
  bool next(std::string_view& word) {
    if (rest.empty()) {
      return false;
    }
    const std::size_t comma = std::min(rest.find(','), rest.size());
    word = rest.substr(0, comma);
    word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
    word = word.substr(0, word.find_last_not_of(' ') + 1);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    return true;
  }
  template <class T>
  bool number(T& out) {
    std::string_view word;
    if (!next(word)) {
      return false;
    }
    if (word.starts_with('+')) {
      word.remove_prefix(1);
    }
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    return error == std::errc{} && end == word.data() + word.size();
  }
};

bool same_word(std::string_view a, std::string_view upper) {
  return std::equal(a.begin(), a.end(), upper.begin(), upper.end(),
                    [](char x, char y) { return (x >= 'a' && x <= 'z' ? x - 'a' + 'A' : x) == y; });
}

bool parse_spec(std::string_view name, Words& words, MapSpec& spec) {
  static constexpr std::array<std::pair<std::string_view, MapFunction>, 4> kNames{
      {{"IDENTITY", MapFunction::identity},
       {"LINEAR", MapFunction::linear},
       {"GAMMA", MapFunction::gamma},
       {"SIGMOID", MapFunction::sigmoid}}};
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& entry) { return same_word(name, entry.first); });
  if (found == kNames.end()) {
    return false;
  }
  spec.function = found->second;
  if (!words.number(spec.in_low) || !words.number(spec.in_high) || !words.number(spec.out_low) ||
      !words.number(spec.out_high)) {
    return false;
  }
  if (spec.function == MapFunction::gamma) {
    return words.number(spec.first);
  }
  return spec.function != MapFunction::sigmoid || (words.number(spec.first) && words.number(spec.second));
}

}  // namespace

Result<ValueMap> ValueMap::make(std::vector<MapSpec> specs, std::int64_t max_entries) {
  if (specs.empty() || specs.size() > 4) {
    return fail(Code::bad_request, "MAP takes one to four functions");
  }
  for (const MapSpec& s : specs) {
    if (s.in_low != specs[0].in_low || s.in_high != specs[0].in_high || s.in_high < s.in_low || s.out_low < 0 ||
        s.out_low > 255 || s.out_high < 0 || s.out_high > 255 || !std::isfinite(s.first) ||
        !std::isfinite(s.second)) {
      return fail(Code::bad_request, "MAP is out of range");
    }
  }
  const std::int64_t entries = std::int64_t{specs[0].in_high} - specs[0].in_low + 1;
  if (entries > max_entries) {
    return fail(Code::too_large, "the input range of MAP is too large");
  }
  ValueMap map;
  map.low_ = specs[0].in_low;
  map.table_.resize(static_cast<std::size_t>(entries));
  for (std::int64_t i = 0; i < entries; ++i) {
    std::uint32_t& entry = map.table_[static_cast<std::size_t>(i)];
    entry = byte_of(specs[0], i);
    if (specs.size() >= 3) {
      entry |= byte_of(specs[1], i) << 8 | byte_of(specs[2], i) << 16 |
               (specs.size() == 4 ? byte_of(specs[3], i) : 255U) << 24;
    }
  }
  map.specs_ = std::move(specs);
  return map;
}

Result<ValueMap> parse_map(std::string_view text) {
  std::vector<MapSpec> specs;
  Words words{text};
  std::string_view name;
  while (words.next(name)) {
    MapSpec spec;
    if (specs.size() == 4 || !parse_spec(name, words, spec)) {
      return fail(Code::bad_request, "MAP is malformed");
    }
    specs.push_back(spec);
  }
  return ValueMap::make(std::move(specs));
}

}  // namespace microtome::woolz
