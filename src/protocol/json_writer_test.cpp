// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_writer.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "protocol/numbers.hpp"
#include "protocol/params.hpp"

namespace microtome::protocol {
namespace {

TEST(Json, IsCompactAndEscaped) {
  JsonWriter json;
  json.begin_object().key("a").value("q\"\\\n\x7f").key("b").begin_array().value(std::int64_t{1}).value(0.1).null();
  json.begin_object().end_object().end_array().key("c").value(std::optional<double>()).end_object();
  EXPECT_EQ(json.text(), R"({"a":"q\"\\\u000a\u007f","b":[1,0.1,null,{}],"c":null})");
}

TEST(Json, HoldsOnlyUtf8) {
  const auto written = [](std::string_view text) {
    JsonWriter json;
    json.value(text);
    return json.take();
  };
  EXPECT_EQ(written("\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80"), "\"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80\"");
  for (const char* bad : {"\xff", "\xc0", "\xe0\x80", "\xed\xa0", "\xf4\x90", "\xf8", "\x80"}) {
    EXPECT_NE(written(bad).find("\xEF\xBF\xBD"), std::string::npos);
  }
}

TEST(Json, HasNoInfinities) {
  JsonWriter json;
  json.begin_array().value(std::numeric_limits<double>::infinity()).value(5.0).value(1e-7).end_array();
  EXPECT_EQ(json.text(), "[null,5,1e-07]");
}

TEST(Numbers, AreReadStrictly) {
  EXPECT_EQ(parse_int("41"), 41);
  EXPECT_EQ(parse_int("+41"), 41);
  EXPECT_EQ(parse_int("-41"), -41);
  for (const char* text : {"", " 1", "1 ", "0x1", "1.0", "+-1", "--1", "9223372036854775808", "1e3"}) {
    EXPECT_FALSE(parse_int(text)) << text;
  }
  EXPECT_EQ(parse_real("-0.25"), -0.25);
  EXPECT_EQ(parse_real("1e3"), 1000);
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "0x10", "1,5", " 1", "+-1", "1.0.0"}) {
    EXPECT_FALSE(parse_real(text)) << text;
  }
  EXPECT_FALSE(parse_real(std::string(33, '1')));
  EXPECT_EQ(format_hex(0xabc), "0000000000000abc");
}

TEST(Params, AreDecodedAndTheFirstCounts) {
  const auto params = Params::parse("a=1&a=2&b=x%20y+z&c");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->get("a"), "1");
  EXPECT_EQ(params->get("b"), "x y z");
  EXPECT_TRUE(params->has("c"));
  EXPECT_FALSE(params->has("d"));
  EXPECT_EQ(params->whole("a", 0, 10).value(), 1);
  EXPECT_EQ(params->whole("d", 0, 10).value(), std::nullopt);
  EXPECT_FALSE(params->whole("a", 2, 10));
  EXPECT_FALSE(params->whole("b", 0, 10));
  for (const char* query : {"a=%", "a=%zz", "%00=1", "a=%00"}) {
    EXPECT_FALSE(Params::parse(query)) << query;
  }
}

}  // namespace
}  // namespace microtome::protocol
