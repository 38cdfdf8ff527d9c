// SPDX-License-Identifier: Apache-2.0
#include "http/range.hpp"

#include <gtest/gtest.h>

namespace microtome::http {
namespace {

std::string range(std::string_view value, std::uint64_t size = 100) {
  const auto span = parse_range(value, size);
  return span ? std::to_string(span->first) + "+" + std::to_string(span->length) : "ignored";
}

TEST(Range, Values) {
  EXPECT_EQ(range("bytes=0-9"), "0+10");
  EXPECT_EQ(range("bytes=90-"), "90+10");
  EXPECT_EQ(range("bytes=-5"), "95+5");
  EXPECT_EQ(range("bytes=-500"), "0+100");
  EXPECT_EQ(range("bytes=90-99999999999999999999999"), "90+10");
  EXPECT_EQ(range("bytes=100-"), "0+0");
  EXPECT_EQ(range("bytes=-0"), "100+0");
  for (const char* value : {"", "bytes=", "bytes=-", "bytes=9-1", "bytes=a-b", "bytes=1-2,5-6", "lines=1-2",
                            "bytes=+1-2", "bytes=1", "bytes= 1-2"}) {
    EXPECT_EQ(range(value), "ignored") << value;
  }
}

Response asked(Body body, std::string value, std::string if_range = "") {
  Request request;
  request.headers.add("Range", std::move(value));
  if (!if_range.empty()) {
    request.headers.add("If-Range", std::move(if_range));
  }
  Response response;
  response.headers.add("ETag", "\"x\"");
  response.body = std::move(body);
  apply_range(request, response);
  return response;
}

SharedBytes bytes(std::string_view text) {
  return std::make_shared<const Bytes>(text.begin(), text.end());
}

TEST(Range, CutsEveryKindOfBody) {
  const Response text = asked(std::string("0123456789"), "bytes=2-4");
  EXPECT_EQ(text.status, 206);
  EXPECT_EQ(text.headers.get("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(std::get<std::string>(text.body), "234");
  EXPECT_EQ(std::get<Bytes>(asked(Bytes{1, 2, 3, 4}, "bytes=-2").body), (Bytes{3, 4}));
  EXPECT_EQ(*std::get<SharedBytes>(asked(bytes("0123456789"), "bytes=9-").body), Bytes{'9'});
}

TEST(Range, CutsFilesAndWhatLiesAroundThem) {
  const FileBody whole{bytes("abc"), {{nullptr, 1000, 10}, {nullptr, 5000, 10}}, bytes("xyz")};  // 26 bytes
  const FileBody middle = std::get<FileBody>(asked(whole, "bytes=5-14").body);
  EXPECT_FALSE(middle.prefix);
  ASSERT_EQ(middle.ranges.size(), 2U);
  EXPECT_EQ(middle.ranges[0].offset, 1002U);
  EXPECT_EQ(middle.ranges[0].length, 8U);
  EXPECT_EQ(middle.ranges[1].offset, 5000U);
  EXPECT_EQ(middle.ranges[1].length, 2U);
  EXPECT_FALSE(middle.suffix);
  const FileBody ends = std::get<FileBody>(asked(whole, "bytes=1-24").body);
  EXPECT_EQ(*ends.prefix, (Bytes{'b', 'c'}));
  EXPECT_EQ(*ends.suffix, (Bytes{'x', 'y'}));
  EXPECT_EQ(*body_length(Body(ends)), 24U);
}

TEST(Range, OtherwiseAllOrNothing) {
  EXPECT_EQ(asked(std::string("0123"), "bytes=9-").status, 416);
  EXPECT_EQ(asked(std::string("0123"), "bytes=9-").headers.get("Content-Range"), "bytes */4");
  EXPECT_EQ(asked(std::string("0123"), "bytes=0-1,2-3").status, 200);
  EXPECT_EQ(asked(std::string("0123"), "bytes=0-1", "\"x\"").status, 206);
  EXPECT_EQ(asked(std::string("0123"), "bytes=0-1", "\"y\"").status, 200);
  EXPECT_EQ(asked(std::string("0123"), "bytes=0-1", "Mon, 01 Jan 2024 00:00:00 GMT").status, 200);
}

}  // namespace
}  // namespace microtome::http
