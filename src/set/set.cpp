// SPDX-License-Identifier: Apache-2.0
#include "set/set.hpp"

#include <algorithm>
#include <charconv>

#include "set/names.hpp"

namespace microtome::set {

const Slice* Set::find(std::int64_t number) const {
  const auto at = std::ranges::lower_bound(slices, number, {}, &Slice::number);
  return at != slices.end() && at->number == number ? &*at : nullptr;
}

const Slice* Set::find_id(std::string_view slice) const {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(slice.data(), slice.data() + slice.size(), number);
  if (error == std::errc() && end == slice.data() + slice.size()) {
    if (const Slice* found = find(number)) {
      return found;
    }
  }
  const auto at = std::ranges::find_if(slices, [&](const Slice& candidate) {
    return candidate.name == slice || (!candidate.path.empty() && base_name(candidate.path) == slice);
  });
  return at != slices.end() && !slice.empty() ? &*at : nullptr;
}

}  // namespace microtome::set
