// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include <gtest/gtest.h>

#include "http/conditional.hpp"
#include "http/date.hpp"
#include "http/negotiate.hpp"
#include "http/status.hpp"
#include "http/text.hpp"

namespace microtome::http {
namespace {

class Unknown : public Producer {
 public:
  Result<bool> pull(Bytes& /*out*/) override { return false; }
};

TEST(Headers, CompareWithoutCaseAndReplaceAll) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("ACCEPT", "b");
  EXPECT_EQ(headers.get("accept"), "a");
  EXPECT_TRUE(headers.has("aCCept"));
  EXPECT_FALSE(headers.has("Accep"));
  headers.set("accept", "c");
  EXPECT_EQ(headers.all().size(), 1U);
  EXPECT_EQ(headers.get("Accept"), "c");
  EXPECT_EQ(headers.get("Nothing"), "");
}

TEST(Body, KnowsItsLength) {
  const auto three = std::make_shared<const Bytes>(3);
  EXPECT_EQ(body_length({}), 0U);
  EXPECT_EQ(body_length(std::string("abcd")), 4U);
  EXPECT_EQ(body_length(three), 3U);
  EXPECT_EQ(body_length(SharedBytes()), 0U);
  EXPECT_EQ(body_length(FileBody{three, {{nullptr, 5, 10}, {nullptr, 0, 1}}, three}), 17U);
  EXPECT_EQ(body_length(std::shared_ptr<Producer>(std::make_shared<Unknown>())), std::nullopt);
}

TEST(Status, MapsEveryCode) {
  EXPECT_EQ(status_of(Code::bad_request), 400);
  EXPECT_EQ(status_of(Code::not_found), 404);
  EXPECT_EQ(status_of(Code::uri_too_long), 414);
  EXPECT_EQ(status_of(Code::corrupt), 404);
  EXPECT_EQ(status_of(Code::io), 500);
  EXPECT_EQ(reason(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason(777), "Status");
}

TEST(ErrorResponse, ShowsTheMessageButNotTheContext) {
  const Response response = error_response({Code::overloaded, "busy", "/secret/path"});
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.get("retry-after"), "1");
  EXPECT_EQ(std::get<std::string>(response.body), "busy\n");
  EXPECT_EQ(std::get<std::string>(text_response(404, "").body), "Not Found\n");
  EXPECT_EQ(method_not_allowed("GET").headers.get("Allow"), "GET");
}

TEST(Etag, QuotesAndMatches) {
  EXPECT_EQ(quote_etag("a b\"c"), "\"a_b_c\"");
  EXPECT_EQ(quote_etag("x", true), "W/\"x\"");
  EXPECT_TRUE(list_matches("*", "\"x\""));
  EXPECT_TRUE(list_matches(" \"a\" , W/\"x\"", "\"x\""));
  EXPECT_TRUE(list_matches("\"a,b\"", "\"a,b\""));
  EXPECT_FALSE(list_matches("\"a\", W/\"x\"", "\"x\"", false));
  EXPECT_FALSE(list_matches("x", "x"));
  EXPECT_FALSE(list_matches("\"x\"", ""));
  EXPECT_FALSE(list_matches("\"X\"", "\"x\""));
}

struct ConditionCase {
  const char* method;
  std::vector<Header> headers;
  Condition expected;
};

TEST(Evaluate, FollowsTheOrderOfTheStandard) {
  const std::int64_t mtime = 784111777;
  const std::string same = format_date(mtime);
  const std::string before = format_date(mtime - 1);
  const ConditionCase cases[] = {
      {"GET", {}, Condition::proceed},
      {"GET", {{"If-None-Match", "\"t\""}}, Condition::not_modified},
      {"HEAD", {{"If-None-Match", "*"}}, Condition::not_modified},
      {"GET", {{"If-None-Match", "\"u\""}, {"if-none-match", "\"t\""}}, Condition::not_modified},
      {"POST", {{"If-None-Match", "\"t\""}}, Condition::precondition_failed},
      {"GET", {{"If-None-Match", "\"u\""}, {"If-Modified-Since", same}}, Condition::proceed},
      {"GET", {{"If-Modified-Since", same}}, Condition::not_modified},
      {"GET", {{"If-Modified-Since", before}}, Condition::proceed},
      {"GET", {{"If-Modified-Since", "yesterday"}}, Condition::proceed},
      {"POST", {{"If-Modified-Since", same}}, Condition::proceed},
      {"GET", {{"If-Match", "\"t\""}}, Condition::proceed},
      {"GET", {{"If-Match", "W/\"t\""}}, Condition::precondition_failed},
      {"GET", {{"If-Match", "\"u\""}, {"If-None-Match", "\"t\""}}, Condition::precondition_failed},
      {"GET", {{"If-Unmodified-Since", before}}, Condition::precondition_failed},
      {"GET", {{"If-Unmodified-Since", same}}, Condition::proceed},
  };
  for (const ConditionCase& c : cases) {
    Request request;
    request.method = c.method;
    std::string shown = c.method;
    for (const Header& header : c.headers) {
      request.headers.add(header.name, header.value);
      shown += " " + header.name + ": " + header.value;
    }
    EXPECT_EQ(evaluate(request, "\"t\"", mtime), c.expected) << shown;
  }
}

TEST(NotModified, KeepsValidatorsOnly) {
  Headers headers;
  headers.add("ETag", "\"t\"");
  headers.add("Content-Type", "image/jpeg");
  headers.add("Cache-Control", "max-age=1");
  const Response response = not_modified(headers);
  EXPECT_EQ(response.status, 304);
  EXPECT_TRUE(response.headers.has("ETag"));
  EXPECT_TRUE(response.headers.has("Cache-Control"));
  EXPECT_FALSE(response.headers.has("Content-Type"));
}

TEST(Negotiate, WeighsEncodings) {
  Headers headers;
  EXPECT_EQ(encoding_weight(headers, "br"), 0);
  EXPECT_EQ(encoding_weight(headers, "identity"), 1000);
  headers.add("Accept-Encoding", "gzip, br;q=0.5, zstd;q=0, *;q=0.1, deflate;q=abc");
  EXPECT_EQ(encoding_weight(headers, "gzip"), 1000);
  EXPECT_EQ(encoding_weight(headers, "BR"), 500);
  EXPECT_EQ(encoding_weight(headers, "zstd"), 0);
  EXPECT_EQ(encoding_weight(headers, "deflate"), 0);
  EXPECT_EQ(encoding_weight(headers, "identity"), 100);
}

TEST(Negotiate, TakesTheMostSpecificMediaRange) {
  Headers headers;
  EXPECT_EQ(media_weight(headers, "image/webp"), 1000);
  headers.add("Accept", "*/*;q=0.1, image/*;q=0.5, image/webp;q=0.9");
  EXPECT_EQ(media_weight(headers, "image/webp"), 900);
  EXPECT_EQ(media_weight(headers, "image/png"), 500);
  EXPECT_EQ(media_weight(headers, "text/plain"), 100);
}

TEST(Text, ParsesListsAndNumbers) {
  EXPECT_EQ(split_list(" a ,, \"b,c\" ,").size(), 2U);
  EXPECT_EQ(parse_decimal("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "+1", "-1", " 1", "1 ", "18446744073709551616", "0x1"}) {
    EXPECT_FALSE(parse_decimal(bad)) << bad;
  }
  EXPECT_TRUE(is_token("X-Y"));
  EXPECT_FALSE(is_token("X Y"));
  EXPECT_FALSE(is_field_value("a\rb"));
}

}  // namespace
}  // namespace microtome::http
