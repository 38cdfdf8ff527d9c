// SPDX-License-Identifier: Apache-2.0
#include "host/settings_parts.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

std::int64_t seconds(std::string_view text) {
  const auto expiry = read_expiry("/x", text);
  return expiry ? expiry->seconds : -1;
}

TEST(Expiry, TakesEverySpellingThatLighttpdTakes) {
  for (const std::string_view text : {"", "foo plus 0", "access plus 0", "access", "access sec", "access 1 fortnight",
                                      "access 99999999999 years", "access -1 sec", "access 1 2 sec"}) {
    EXPECT_EQ(seconds(text), -1) << text;
  }
  for (const std::string_view text : {"access 0 sec", "now 0 sec", "modification 0 sec", "access 0sec", "now 0sec",
                                      "access plus 0 sec", "modification plus 0sec"}) {
    EXPECT_EQ(seconds(text), 0) << text;
  }
  for (const std::string_view unit : {"sec", "secs", "second", "seconds"}) {
    EXPECT_EQ(seconds("access 2 " + std::string(unit)), 2) << unit;
  }
  for (const std::string_view unit : {"min", "mins", "minute", "minutes"}) {
    EXPECT_EQ(seconds("access plus 2 " + std::string(unit) + " 1 sec"), 121) << unit;
  }
  EXPECT_EQ(seconds("access 1 hour"), 3600);
  EXPECT_EQ(seconds("access 2 days"), 2 * 86400);
  EXPECT_EQ(seconds("access 1 week"), 7 * 86400);
  EXPECT_EQ(seconds("access 2 months"), 60 * 86400);
  EXPECT_EQ(seconds("access 1 year"), 365 * 86400);
  EXPECT_EQ(seconds("access 2  min  1  sec"), 121);
  EXPECT_EQ(seconds("access 2min1sec      "), 121);
  EXPECT_TRUE(read_expiry("/x", "modification 1 min")->from_change);
}

}  // namespace
}  // namespace microtome::host
