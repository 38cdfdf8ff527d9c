// SPDX-License-Identifier: Apache-2.0
// The selection language of SEL=: which voxels, and in which colour (docs/formats/woolz.md, "Selections").
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace microtome::woolz {

enum class Operation : std::uint8_t {
  index,       // a member
  background,  // (e, value)
  difference,
  dilation,  // (e, radius)
  domain,
  erosion,  // (e, radius)
  fill,
  intersection,
  occupancy,  // of members; none listed: of all
  set_value,  // (e, value)
  threshold,  // (e, value, relation)
  transfer,   // domain of the first, values of the second
  union_of,
};

enum class Relation : std::uint8_t { less, less_equal, equal, greater_equal, greater };

struct Expression {
  Operation operation = Operation::index;
  std::vector<Expression> operands;
  std::int64_t first = 0;  // index: member; in unions and occupancies a range first..last
  std::int64_t last = 0;
  double number = 0;  // value, radius
  Relation relation = Relation::greater_equal;
  friend bool operator==(const Expression&, const Expression&) = default;

  // 0: a plain index; 1: with domain and background; 2: anything else.
  [[nodiscard]] int cost() const;
  // The same text for the same meaning: a cache key.
  [[nodiscard]] std::string text() const;
};

struct Tint {
  std::uint8_t red = 255;
  std::uint8_t green = 255;
  std::uint8_t blue = 255;
  std::uint8_t alpha = 255;
  friend bool operator==(const Tint&, const Tint&) = default;
};

struct Selector {
  Expression expression;
  Tint tint;
  friend bool operator==(const Selector&, const Selector&) = default;
};

// The argument of SEL=: `expr`, `expr,a`, `expr,r,g,b` or `expr,r,g,b,a`. Code::bad_request when it is malformed or
// larger than 512 operations or 32 levels.
[[nodiscard]] Result<Selector> parse_selector(std::string_view text);

}  // namespace microtome::woolz
