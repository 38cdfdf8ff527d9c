// SPDX-License-Identifier: Apache-2.0
// One plane of a domain as it is read: runs of voxels per line, absolute coordinates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "woolz/limits.hpp"
#include "woolz/reader.hpp"

namespace microtome::woolz {

struct Run {
  std::int32_t left = 0;  // inclusive
  std::int32_t right = -1;
  friend bool operator==(const Run&, const Run&) = default;
};

// Immutable once read. Lines of a rectangle share one run; else line y has runs[first[y-y1] .. first[y-y1+1]).
struct PlaneRuns {
  std::int32_t y1 = 0;  // as tight as the runs are
  std::int32_t y2 = -1;
  std::int32_t x1 = 0;
  std::int32_t x2 = -1;
  bool rectangle = false;
  std::vector<std::uint32_t> first;
  std::vector<Run> runs;
  std::uint64_t voxels = 0;

  [[nodiscard]] bool empty() const { return voxels == 0; }
  [[nodiscard]] std::span<const Run> line(std::int64_t y) const {
    if (y < y1 || y > y2) {
      return {};
    }
    if (rectangle) {
      return runs;
    }
    const auto i = static_cast<std::size_t>(y - y1);
    return std::span(runs).subspan(first[i], first[i + 1] - first[i]);
  }
  [[nodiscard]] std::size_t memory() const { return first.size() * sizeof(first[0]) + runs.size() * sizeof(Run); }
  friend bool operator==(const PlaneRuns&, const PlaneRuns&) = default;
};

// Reads an interval domain (type byte included). NULL and domains without any interval come back empty. Runs are
// sorted, merged where they touch, and the bounds shrunk to them. Failures stick to the reader.
[[nodiscard]] PlaneRuns read_runs(Reader& reader, const Limits& limits);

}  // namespace microtome::woolz
