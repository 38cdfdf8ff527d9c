// SPDX-License-Identifier: Apache-2.0
#include "http/uri.hpp"

#include <gtest/gtest.h>

#include <string>

namespace microtome::http {
namespace {

using namespace std::string_literals;

TEST(PercentDecode, DecodesOnceAndRefusesGarbage) {
  EXPECT_EQ(percent_decode("a%2Fb%20c%25"), "a/b c%");
  EXPECT_EQ(percent_decode("%2525"), "%25");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", Plus::space), "a b");
  for (const char* bad : {"%", "%2", "%zz", "a%2", "%-1", "%00", "x%00y"}) {
    const auto result = percent_decode(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().code, Code::bad_request);
  }
  EXPECT_FALSE(percent_decode("a\0b"s));
}

TEST(PercentDecode, LenientKeepsWhatIsNotEncoded) {
  EXPECT_EQ(percent_decode_lenient("100%/x%2Fy%z"), "100%/x/y%z");
  EXPECT_FALSE(percent_decode_lenient("%00"));
}

TEST(PercentEncode, IsUndoneByDecoding) {
  std::string all;
  for (int c = 1; c < 256; ++c) {
    all.push_back(static_cast<char>(c));
  }
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode(encode_path(all)), all);
  EXPECT_EQ(percent_encode("a/b c"), "a%2Fb%20c");
  EXPECT_EQ(encode_path("/a b?c#d%"), "/a%20b%3Fc%23d%25");
}

TEST(SplitTarget, CutsAtTheFirstQuestionMark) {
  const Target target = split_target("/a/b?x=1?y#z");
  EXPECT_EQ(target.path, "/a/b");
  EXPECT_EQ(target.query, "x=1?y");
  EXPECT_TRUE(target.has_query);
  EXPECT_FALSE(split_target("/a").has_query);
  EXPECT_TRUE(split_target("/a?").has_query);
}

TEST(NormalisePath, RemovesDotSegmentsInEverySpelling) {
  const std::pair<const char*, const char*> cases[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/a/%2e%2E/b", "/b"},
      {"/a/.%2e/b", "/b"},
      {"/a/.", "/a/"},
      {"/a/..", "/"},
      {"/a//b", "/a//b"},
      {"/.a/..b/c..", "/.a/..b/c.."},
      {"/a/...", "/a/..."},
      {"/a%2Fb", "/a%2Fb"},
      {"/a%2fb/../c", "/c"},
      {"/a/b%2F..", "/a/b%2F.."},
      {"//etc/passwd", "//etc/passwd"},
  };
  for (const auto& [path, expected] : cases) {
    EXPECT_EQ(normalise_path(path), expected) << path;
  }
}

TEST(NormalisePath, RefusesWhatClimbsOutOrIsNotAPath) {
  for (const char* bad : {"", "a", "/..", "/../a", "/a/../../b", "/%2e%2e/a", "/..%2fa", "/a%2F..%2F..%2Fb", "/a%00",
                          "/a%", "/a%4", "/a b", "/a\x01", "/a\x7f", "/a?b", "/a#b", "/./..", "/%2F.."}) {
    const auto result = normalise_path(bad);
    ASSERT_FALSE(result) << bad << " became " << *result;
    EXPECT_EQ(result.error().code, Code::bad_request) << bad;
  }
  EXPECT_FALSE(normalise_path("/a\0b"s));
}

TEST(SplitPath, KeepsEncodedSlashes) {
  using List = std::vector<std::string_view>;
  EXPECT_EQ(split_path("/a/b%2Fc/"), (List{"a", "b%2Fc", ""}));
  EXPECT_EQ(split_path("/"), (List{""}));
  EXPECT_EQ(split_path("/x"), (List{"x"}));
}

TEST(StripMount, TakesOnlyWholeSegments) {
  EXPECT_EQ(strip_mount("/m/x", "/m"), "/x");
  EXPECT_EQ(strip_mount("/m", "/m"), "/");
  EXPECT_EQ(strip_mount("/mx", "/m"), "/mx");
  EXPECT_EQ(strip_mount("/x", "/m"), "/x");
  EXPECT_EQ(strip_mount("/x", ""), "/x");
}

TEST(SplitQuery, KeepsOrderRepeatsAndOtherPunctuation) {
  const auto items = split_query("FIF=a;b/c.tif&CVT&&JTL=3,1&x==&=y");
  ASSERT_EQ(items.size(), 5U);
  EXPECT_EQ(items[0].name, "FIF");
  EXPECT_EQ(items[0].value, "a;b/c.tif");
  EXPECT_EQ(items[1].name, "CVT");
  EXPECT_FALSE(items[1].has_value);
  EXPECT_EQ(items[2].value, "3,1");
  EXPECT_EQ(items[3].value, "=");
  EXPECT_EQ(items[4].name, "");
  EXPECT_EQ(items[4].value, "y");
  EXPECT_TRUE(split_query("").empty());
}

}  // namespace
}  // namespace microtome::http
