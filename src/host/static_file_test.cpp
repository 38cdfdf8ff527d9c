// SPDX-License-Identifier: Apache-2.0
#include "host/static_file.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

using Ranges = std::vector<ByteRange>;

TEST(Ranges, TouchingOnesBecomeOneInAnyOrder) {
  EXPECT_EQ(parse_ranges("bytes=0-0", 1), (Ranges{{0, 0}}));
  EXPECT_EQ(parse_ranges("bytes=0-1", 2), (Ranges{{0, 1}}));
  EXPECT_EQ(parse_ranges("bytes=0-1,1-2,2-3,3-4,4-5,5-6,6-7,7-8,8-9,9-10", 1000), (Ranges{{0, 10}}));
  EXPECT_EQ(parse_ranges("bytes=1-2,2-3,3-4,4-5,5-6,6-7,7-8,8-9,0-1", 1000), (Ranges{{0, 9}}));
  EXPECT_EQ(parse_ranges("bytes=9-10,8-9,7-8,6-7,5-6,4-5,3-4,2-3,1-2,0-1", 1000), (Ranges{{0, 10}}));
}

TEST(Ranges, ManyThatLieApartAreSentApart) {
  std::string field = "bytes=0-1";
  for (int i = 1; i < 10; ++i) {
    field += ',' + std::to_string(i * 100) + '-' + std::to_string(i * 100);
  }
  const auto ranges = parse_ranges(field, 10000);
  ASSERT_TRUE(ranges);
  EXPECT_EQ(ranges->size(), 10U);
  EXPECT_EQ(ranges->back().first, 900U);
}

}  // namespace
}  // namespace microtome::host
