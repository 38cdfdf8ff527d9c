// SPDX-License-Identifier: Apache-2.0
#include "host/scgi.hpp"

#include <gtest/gtest.h>

#include "net/fcgi_records.hpp"

namespace microtome::host {
namespace {

using namespace std::string_literals;

std::string pairs() {
  std::string out;
  net::fcgi::append_pair(out, "CONTENT_LENGTH", "7");
  net::fcgi::append_pair(out, "A", "b");
  net::fcgi::append_pair(out, "EMPTY", "");
  return out;
}

TEST(Scgi, IsANetstringThatBeginsWithTheLength) {
  EXPECT_EQ(scgi_head(pairs(), 7), "35:CONTENT_LENGTH\0007\0SCGI\0001\0A\0b\0EMPTY\0\0,"s);
}

TEST(Scgi, UwsgiCountsWithSixteenBits) {
  EXPECT_EQ(uwsgi_head(pairs()), "\0\042\0\0\016\0CONTENT_LENGTH\001\0007\001\0A\001\0b\005\0EMPTY\0\0"s);
  std::string large = pairs();
  net::fcgi::append_pair(large, "BIG", std::string(70'000, 'x'));
  EXPECT_EQ(uwsgi_head(large), uwsgi_head(pairs()));
}

}  // namespace
}  // namespace microtome::host
