// SPDX-License-Identifier: Apache-2.0
#include "http/date.hpp"

#include <gtest/gtest.h>

namespace microtome::http {
namespace {

TEST(Date, FormatsWhatTheStandardShows) {
  EXPECT_EQ(format_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(format_date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(format_date(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(Date, ReadsAllThreeForms) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994"), 784111777);
  EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994"), 784975777);
  EXPECT_EQ(parse_date("Tuesday, 06-Nov-29 08:49:37 GMT"), 1888649377);
}

TEST(Date, ReadsWhatItWrites) {
  for (std::int64_t seconds = -5'000'000'000; seconds < 20'000'000'000; seconds += 86'399'977) {
    EXPECT_EQ(parse_date(format_date(seconds)), seconds);
  }
}

TEST(Date, RefusesEverythingElse) {
  for (const char* bad :
       {"", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 nov 1994 08:49:37 GMT", "Xyz, 06 Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_date(bad)) << bad;
  }
}

TEST(Date, RoundsFileTimesDown) {
  EXPECT_EQ(seconds_of(1'999'999'999), 1);
  EXPECT_EQ(seconds_of(-1), -1);
  EXPECT_EQ(seconds_of(-1'000'000'000), -1);
}

}  // namespace
}  // namespace microtome::http
