// SPDX-License-Identifier: Apache-2.0
#include "set/names.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace microtome::set {
namespace {

constexpr std::size_t kMostDigits = 18;  // fits an int64

// In order of preference as a slice.
constexpr std::array<std::string_view, 21> kExtensions{"tif",  "tiff", "ptif", "btf",  "tf8",  "svs", "ndpi",
                                                       "scn",  "bif",  "mrxs", "vms",  "jp2",  "j2k", "jpx",
                                                       "webp", "png",  "jpg",  "jpeg", "avif", "jpe", "jfif"};

constexpr bool digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equal_no_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view extension_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view{} : name.substr(dot + 1);
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && digit(text[end])) {
    ++end;
  }
  return end - at;
}

std::optional<std::int64_t> number(std::string_view digits) {
  if (digits.empty() || digits.size() > kMostDigits) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size() ? std::optional(value) : std::nullopt;
}

// Compares the digit runs at the front of both by value, without a limit on their length; 0 when equal.
int compare_runs(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) {
    return a.size() < b.size() ? -1 : 1;
  }
  return a.compare(b);
}

}  // namespace

std::span<const std::string_view> picture_extensions() {
  return kExtensions;
}

bool is_picture_name(std::string_view name) {
  if (name.empty() || name.front() == '.') {
    return false;
  }
  const std::string_view extension = extension_of(name);
  return std::ranges::any_of(kExtensions, [&](std::string_view known) { return equal_no_case(known, extension); });
}

bool is_volume_name(std::string_view name) {
  const auto ends = [&](std::string_view ending) {
    return name.size() > ending.size() && equal_no_case(name.substr(name.size() - ending.size()), ending);
  };
  return !name.starts_with('.') && (ends(".wlz") || ends(".wlz.gz"));
}

int format_rank(std::string_view name) {
  const std::string_view extension = extension_of(name);
  const auto* found =
      std::ranges::find_if(kExtensions, [&](std::string_view known) { return equal_no_case(known, extension); });
  return static_cast<int>(found - kExtensions.begin());
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view stem_of(std::string_view file_name) {
  std::string_view stem = base_name(file_name);
  const std::size_t dot = stem.rfind('.');
  if (dot != std::string_view::npos && dot > 0) {
    stem = stem.substr(0, dot);
  }
  constexpr std::size_t kOme = 4;
  if (stem.size() > kOme && equal_no_case(stem.substr(stem.size() - kOme), ".ome")) {
    stem.remove_suffix(kOme);
  }
  return stem;
}

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const std::size_t run_a = digits_at(a, i);
      const std::size_t run_b = digits_at(b, j);
      if (const int order = compare_runs(a.substr(i, run_a), b.substr(j, run_b)); order != 0) {
        return order < 0;
      }
      i += run_a;
      j += run_b;
      continue;
    }
    const auto x = static_cast<unsigned char>(lower(a[i++]));
    const auto y = static_cast<unsigned char>(lower(b[j++]));
    if (x != y) {
      return x < y;
    }
  }
  if ((i < a.size()) != (j < b.size())) {
    return j < b.size();
  }
  return a < b;
}

Shape shape_of(std::string_view stem) {
  Shape shape;
  for (std::size_t i = 0; i < stem.size();) {
    const std::size_t run = digits_at(stem, i);
    if (run == 0) {
      shape.skeleton.push_back(stem[i] == '\x01' ? '\x02' : stem[i]);  // the mark of a number is nothing else
      ++i;
      continue;
    }
    if (const auto value = number(stem.substr(i, run))) {
      shape.values.push_back(*value);
      shape.skeleton.push_back('\x01');
    } else {
      shape.skeleton.append(stem.substr(i, run));
    }
    i += run;
  }
  return shape;
}

std::optional<Position> position_of(std::string_view stem, std::string_view pattern) {
  const std::size_t at = pattern.empty() ? std::string_view::npos : stem.rfind(pattern);
  if (at == std::string_view::npos || at == 0) {
    return std::nullopt;
  }
  const std::string_view rest = stem.substr(at + pattern.size());
  const std::size_t bar = rest.find('_');
  if (bar == std::string_view::npos || digits_at(rest, 0) != bar ||
      digits_at(rest, bar + 1) != rest.size() - bar - 1) {
    return std::nullopt;
  }
  const auto horizontal = number(rest.substr(0, bar));
  const auto vertical = number(rest.substr(bar + 1));
  if (!horizontal || !vertical) {
    return std::nullopt;
  }
  return Position{stem.substr(0, at), *horizontal, *vertical};
}

}  // namespace microtome::set
