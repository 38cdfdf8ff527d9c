// SPDX-License-Identifier: Apache-2.0
#include "woolz/runs.hpp"

#include <algorithm>
#include <limits>

namespace microtome::woolz {
namespace {

struct Bounds {
  std::int32_t y1 = 0;
  std::int32_t y2 = 0;
  std::int32_t x1 = 0;
  std::int32_t x2 = 0;
};

PlaneRuns rectangle(const Bounds& b) {
  PlaneRuns plane{b.y1, b.y2, b.x1, b.x2, true, {}, {{b.x1, b.x2}}, 0};
  plane.voxels = static_cast<std::uint64_t>(std::int64_t{b.y2} - b.y1 + 1) *
                 static_cast<std::uint64_t>(std::int64_t{b.x2} - b.x1 + 1);
  return plane;
}

// Sorts runs[from..] and merges those that touch or overlap.
void standardise_line(std::vector<Run>& runs, std::size_t from) {
  const auto begin = runs.begin() + static_cast<std::ptrdiff_t>(from);
  if (std::adjacent_find(begin, runs.end(), [](const Run& a, const Run& b) {
        return std::int64_t{b.left} <= std::int64_t{a.right} + 1;
      }) == runs.end()) {
    return;
  }
  std::sort(begin, runs.end(), [](const Run& a, const Run& b) { return a.left < b.left; });
  std::size_t last = from;
  for (std::size_t i = from + 1; i < runs.size(); ++i) {
    if (std::int64_t{runs[i].left} <= std::int64_t{runs[last].right} + 1) {
      runs[last].right = std::max(runs[last].right, runs[i].right);
    } else {
      runs[++last] = runs[i];
    }
  }
  runs.resize(last + 1);
}

// Drops empty first and last lines and takes the bounds from what is left.
void shrink(PlaneRuns& plane) {
  std::size_t begin = 0;
  std::size_t end = plane.first.size() - 1;
  while (begin < end && plane.first[begin + 1] == plane.first[begin]) {
    ++begin;
  }
  while (end > begin && plane.first[end] == plane.first[end - 1]) {
    --end;
  }
  if (begin == end) {
    plane = PlaneRuns{};
    return;
  }
  plane.first.erase(plane.first.begin() + static_cast<std::ptrdiff_t>(end) + 1, plane.first.end());
  plane.first.erase(plane.first.begin(), plane.first.begin() + static_cast<std::ptrdiff_t>(begin));
  plane.y2 = plane.y1 + static_cast<std::int32_t>(end) - 1;
  plane.y1 += static_cast<std::int32_t>(begin);
  plane.x1 = std::numeric_limits<std::int32_t>::max();
  plane.x2 = std::numeric_limits<std::int32_t>::min();
  for (const Run& run : plane.runs) {
    plane.x1 = std::min(plane.x1, run.left);
    plane.x2 = std::max(plane.x2, run.right);
    plane.voxels += static_cast<std::uint64_t>(std::int64_t{run.right} - run.left + 1);
  }
}

PlaneRuns read_intervals(Reader& reader, const Bounds& b, const Limits& limits) {
  const std::int64_t lines = std::int64_t{b.y2} - b.y1 + 1;
  if (!reader.has(lines, 4)) {
    reader.fail(Code::corrupt, "more lines than bytes");
    return {};
  }
  std::vector<std::uint32_t> counts(static_cast<std::size_t>(lines));
  std::uint64_t total = 0;
  for (auto& count : counts) {
    const std::int32_t n = reader.i32();
    if (n < 0) {
      reader.fail(Code::corrupt, "negative number of intervals");
      return {};
    }
    count = static_cast<std::uint32_t>(n);
    total += count;
  }
  if (total > std::numeric_limits<std::int32_t>::max() || !reader.has(static_cast<std::int64_t>(total), 8)) {
    reader.fail(Code::corrupt, "more intervals than bytes");
    return {};
  }
  if (total * sizeof(Run) > limits.max_domain_bytes) {
    reader.fail(Code::too_large, "the domain is over the limit");
    return {};
  }
  PlaneRuns plane{b.y1, b.y2, b.x1, b.x2, false, {}, {}, 0};
  plane.first.reserve(counts.size() + 1);
  plane.first.push_back(0);
  plane.runs.reserve(static_cast<std::size_t>(total));
  const std::int64_t width = std::int64_t{b.x2} - b.x1;
  for (const std::uint32_t count : counts) {
    const std::size_t from = plane.runs.size();
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::int32_t left = reader.i32();
      const std::int32_t right = reader.i32();
      if (left < 0 || right < left || right > width) {
        reader.fail(Code::corrupt, "interval outside its domain");
        return {};
      }
      plane.runs.push_back({b.x1 + left, b.x1 + right});
    }
    standardise_line(plane.runs, from);
    plane.first.push_back(static_cast<std::uint32_t>(plane.runs.size()));
  }
  shrink(plane);
  return plane;
}

}  // namespace

PlaneRuns read_runs(Reader& reader, const Limits& limits) {
  const std::uint8_t type = reader.u8();
  if (type == 0 || !reader.ok()) {
    return {};
  }
  if (type > 2) {
    reader.fail(Code::corrupt, "interval domain of unknown type " + std::to_string(type));
    return {};
  }
  Bounds b;
  b.y1 = reader.i32();
  b.y2 = reader.i32();
  b.x1 = reader.i32();
  b.x2 = reader.i32();
  if (!reader.ok()) {
    return {};
  }
  if (b.y2 < b.y1 || b.x2 < b.x1) {
    reader.fail(Code::corrupt, "interval domain with inverted bounds");
    return {};
  }
  if (std::int64_t{b.y2} - b.y1 >= limits.max_extent || std::int64_t{b.x2} - b.x1 >= limits.max_extent) {
    reader.fail(Code::too_large, "the domain is over the limit");
    return {};
  }
  PlaneRuns plane = type == 2 ? rectangle(b) : read_intervals(reader, b, limits);
  return reader.ok() ? plane : PlaneRuns{};
}

}  // namespace microtome::woolz
