// SPDX-License-Identifier: Apache-2.0
#include "host/forwarded.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

TEST(Forwarded, GivesEachHopInOrder) {
  const auto hops =
      read_forwarded(R"(for=192.0.2.1;proto=https , For="[2001:db8::1]:80"; host="a.b:1" ;remote_user="x \"y\"")");
  ASSERT_TRUE(hops);
  ASSERT_EQ(hops->size(), 2U);
  EXPECT_EQ((*hops)[0].client, "192.0.2.1");
  EXPECT_EQ((*hops)[0].proto, "https");
  EXPECT_EQ((*hops)[1].client, "2001:db8::1");
  EXPECT_EQ((*hops)[1].host, "a.b:1");
  EXPECT_EQ((*hops)[1].user, "x \"y\"");
}

TEST(Forwarded, HidesNamesThatAreNoAddress) {
  for (const char* text : {"for=_secret", "for=unknown", "for=\"[::g]\"", "for=\"[\"", "by=1.2.3.4"}) {
    const auto hops = read_forwarded(text);
    ASSERT_TRUE(hops) << text;
    EXPECT_EQ(hops->front().client, "") << text;
  }
  EXPECT_EQ(read_forwarded("for=\"192.0.2.1:4711\"")->front().client, "192.0.2.1");
}

TEST(Forwarded, RefusesWhatIsMalformed) {
  for (const char* text : {"for", "for=", "for=a b", "for=a;;proto=b", "=a", "for=\"a", "f r=a", "for=a;"}) {
    const auto hops = read_forwarded(text);
    EXPECT_EQ(hops.has_value(), std::string_view(text) == "for=a;") << text;
  }
  EXPECT_TRUE(read_forwarded("")->empty());
}

}  // namespace
}  // namespace microtome::host
