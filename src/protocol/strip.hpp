// SPDX-License-Identifier: Apache-2.0
// The geometry of strips: many slices in one picture, cells of equal size in rows. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "codec/codec.hpp"
#include "protocol/params.hpp"
#include "set/set.hpp"

namespace microtome::protocol {

struct StripRequest {
  std::optional<std::int64_t> from;
  int count = 16;
  int step = 1;
  int height = 64;           // of a cell, pixels
  std::optional<int> width;  // of a cell; unset: from the aspect of the set
  int columns = 0;           // 0: one row
  codec::Format format = codec::Format::jpeg;
  std::optional<int> quality;
};

[[nodiscard]] Result<StripRequest> parse_strip(const Params& params);

struct StripPlan {
  int cell_width = 0;
  int cell_height = 0;
  int columns = 0;
  int rows = 0;
  std::vector<const set::Slice*> cells;  // null: blank (missing, damaged, beyond the end); they live in the set
};

// `aspect`: width / height of the set's pictures. Code::bad_request when the picture would be too large.
[[nodiscard]] Result<StripPlan> plan_strip(const StripRequest& strip, const set::Set& set, double aspect);

// First slice whose size can be known: decides the aspect. Null when there is none.
[[nodiscard]] const set::Slice* first_readable(const set::Set& set);

}  // namespace microtome::protocol
