// SPDX-License-Identifier: Apache-2.0
// File names, one in a line: whatever they are, each lands in one place at most and numbers are unique and ascend.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/bytes.hpp"
#include "set/names.hpp"
#include "set/sequence.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace microtome::set;  // NOLINT: a program of one function
  std::string_view text = microtome::as_text({data, size});
  std::set<std::string_view> distinct;
  while (!text.empty() && distinct.size() < 200) {
    const std::size_t line = std::min(text.find('\n'), text.size());
    if (line > 0) {
      distinct.insert(text.substr(0, line));
    }
    text.remove_prefix(std::min(line + 1, text.size()));
  }
  const std::vector<std::string_view> names(distinct.begin(), distinct.end());
  std::set<std::size_t> placed;
  for (const Sequence& sequence : find_sequences(names, "_pyr_")) {
    std::vector<std::int64_t> numbers;
    for (const Member& member : sequence.members) {
      if (member.file >= names.size() || !placed.insert(member.file).second ||
          (!numbers.empty() && member.number <= numbers.back())) {
        std::abort();
      }
      numbers.push_back(member.number);
    }
    for (const std::int64_t number : missing_numbers(numbers, common_step(numbers))) {
      if (std::ranges::binary_search(numbers, number)) {
        std::abort();
      }
    }
  }
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (natural_less(names[i - 1], names[i]) == natural_less(names[i], names[i - 1])) {
      std::abort();  // different names have an order
    }
  }
  return 0;
}
