// SPDX-License-Identifier: Apache-2.0
#include "pixel/differences.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstring>
#include <vector>

namespace microtome::pixel {
namespace {

template <class T>
void check(std::size_t width, std::size_t samples) {
  std::vector<std::uint8_t> row(width * samples * sizeof(T));  // no byte more than is said
  std::uint32_t state = 7;
  for (std::uint8_t& byte : row) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  std::vector<T> want(width * samples);
  std::memcpy(want.data(), row.data(), row.size());
  for (std::size_t i = samples; i < want.size(); ++i) {
    want[i] = static_cast<T>(want[i] + want[i - samples]);
  }
  add_differences(row.data(), width, samples, 8 * sizeof(T));
  std::vector<T> got(width * samples);
  std::memcpy(got.data(), row.data(), row.size());
  ASSERT_EQ(got, want) << width << " pixels of " << samples << " samples of " << sizeof(T) << " bytes";
}

TEST(Differences, AddUpOnEveryMachine) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (std::size_t samples = 1; samples <= 9; ++samples) {
      for (std::size_t width = 1; width <= 70; ++width) {
        check<std::uint8_t>(width, samples);
        check<std::uint16_t>(width, samples);
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace microtome::pixel
