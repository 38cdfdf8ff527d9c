// SPDX-License-Identifier: Apache-2.0
// ValueMap: what MAP= makes of integer values: one byte, or red, green, blue (and alpha), by a table.
// Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "pixel/image.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

enum class MapFunction : std::uint8_t { identity, linear, gamma, sigmoid };

struct MapSpec {
  MapFunction function = MapFunction::linear;
  std::int32_t in_low = 0;
  std::int32_t in_high = 255;
  std::int32_t out_low = 0;  // 0..255
  std::int32_t out_high = 255;
  double first = 0;   // gamma, or mu
  double second = 0;  // sigma
  friend bool operator==(const MapSpec&, const MapSpec&) = default;
};

class ValueMap {
 public:
  // One to four specs (grey; grey and alpha; RGB; RGBA) with the same input range. Code::bad_request else,
  // Code::too_large when the input range has more than `max_entries` values.
  static Result<ValueMap> make(std::vector<MapSpec> specs, std::int64_t max_entries = 1LL << 22);

  [[nodiscard]] bool colour() const { return specs_.size() >= 3; }
  // Grey: the byte. Colour: RGBA, red in the low byte (255 as alpha with three specs).
  [[nodiscard]] std::uint32_t operator()(std::int64_t value) const {
    const std::int64_t i = value - low_;
    return table_[static_cast<std::size_t>(
        std::clamp<std::int64_t>(i, 0, static_cast<std::int64_t>(table_.size()) - 1))];
  }
  [[nodiscard]] const std::vector<MapSpec>& specs() const { return specs_; }

 private:
  std::vector<MapSpec> specs_;
  std::int64_t low_ = 0;
  std::vector<std::uint32_t> table_;
};

// The argument of MAP=. Code::bad_request when it is malformed.
[[nodiscard]] Result<ValueMap> parse_map(std::string_view text);

}  // namespace microtome::woolz
