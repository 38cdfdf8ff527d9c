// SPDX-License-Identifier: Apache-2.0
// Sequences: turns the file names of one folder into numbered series. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace microtome::set {

struct Member {
  std::int64_t number = 0;
  std::size_t file = 0;  // index into the names given
};

// One series: becomes one set.
struct Sequence {
  std::string stem;             // what stands before the number, without separators; "" for the folder's own set
  std::vector<Member> members;  // by number, which is unique
};

// Every name lands in exactly one sequence, but for the other vertical positions of a FILENAME_PATTERN position (090,
// else the nearest to it, is the slice). The first sequence is the folder's own (stem ""), the others are named by
// their stems, in natural order; names that fit no series follow as "others", numbered 1..n by name.
[[nodiscard]] std::vector<Sequence> find_sequences(const std::vector<std::string_view>& file_names,
                                                   std::string_view filename_pattern);

// The usual distance between consecutive numbers: the most common one (the smaller of two equally common), when
// at least a third of all distances have it; else 0. `numbers` ascend.
[[nodiscard]] std::int64_t common_step(const std::vector<std::int64_t>& numbers);

// Numbers missing from the natural step: between a and b there is room for round((b-a)/step)-1. A jump of more
// than max(100, numbers.size()) steps is taken for another numbering, not for a gap.
[[nodiscard]] std::vector<std::int64_t> missing_numbers(const std::vector<std::int64_t>& numbers, std::int64_t step);

}  // namespace microtome::set
