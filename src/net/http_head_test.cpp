// SPDX-License-Identifier: Apache-2.0
#include "net/http_head.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace microtome::net {
namespace {

using namespace std::string_literals;

// The status with which a head is refused; 200 when it is accepted, 0 when more bytes are needed.
int verdict(const std::string& text, const HeadLimits& limits = {}) {
  HeadScanner scanner;
  const auto end = scanner.scan(text, limits);
  if (!end) {
    return end.error().status;
  }
  if (*end == 0) {
    return 0;
  }
  const auto head = parse_head(std::string_view(text).substr(0, *end), limits);
  return head ? 200 : head.error().status;
}

struct Row {
  const char* what;
  std::string head;
  int status;
};

const std::string kHost = "Host: a\r\n";

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"plain", "GET / HTTP/1.1\r\n" + kHost + "\r\n", 200},
      {"unfinished", "GET / HTTP/1.1\r\n" + kHost, 0},
      {"no fields, HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 200},
      {"bare LF in the request line", "GET / HTTP/1.1\n" + kHost + "\r\n", 400},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
      {"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s, 400},
      {"DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", 400},
      {"tab in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n", 200},
      {"UTF-8 in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n", 200},
      {"folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
      {"folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"blank before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400},
      {"tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 400},
      {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nXyz\r\n\r\n", 400},
      {"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400},
      {"bracket in a name", "GET / HTTP/1.1\r\nHost: a\r\nX(y): x\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"Host with two dots", "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", 400},
      {"Host with port", "GET / HTTP/1.1\r\nHost: a:80\r\n\r\n", 200},
      {"Host with an empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 200},
      {"Host with a huge port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400},
      {"Host with letters as port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", 400},
      {"Host IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200},
      {"Host IPv6 without the bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
      {"Host IPv6 rubbish", "GET / HTTP/1.1\r\nHost: [zz]\r\n\r\n", 400},
      {"absolute form", "GET http://a/x HTTP/1.1\r\n" + kHost + "\r\n", 200},
      {"absolute form, query only", "GET http://a?x HTTP/1.1\r\n" + kHost + "\r\n", 200},
      {"absolute form of another host", "GET http://b/x HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"absolute form of another port", "GET http://a:81/x HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"absolute form, no host", "GET http:///x HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"absolute form with a user", "GET http://u@a/ HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"other scheme", "GET ftp://a/x HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"relative target", "GET x HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"target * of GET", "GET * HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"target * of OPTIONS", "OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n", 200},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\n" + kHost + "\r\n", 501},
      {"fragment", "GET /a#b HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"blank in the target", "GET /a b HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"two blanks", "GET  / HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"tab instead of a blank", "GET\t/ HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"trailing blank", "GET / HTTP/1.1 \r\n" + kHost + "\r\n", 400},
      {"NUL in the target", "GET /a\0b HTTP/1.1\r\n"s + kHost + "\r\n", 400},
      {"%00 in the path", "GET /a%00b HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"percent garbage", "GET /a%zz HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"climbing out", "GET /../a HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"climbing out, encoded", "GET /%2e%2e/a HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"dots inside", "GET /a/../b HTTP/1.1\r\n" + kHost + "\r\n", 200},
      {"HTTP/0.9", "GET /\r\n" + kHost + "\r\n", 400},
      {"HTTP/1.2", "GET / HTTP/1.2\r\n" + kHost + "\r\n", 505},
      {"HTTP/2.0", "GET / HTTP/2.0\r\n" + kHost + "\r\n", 505},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/11", "GET / HTTP/11\r\n" + kHost + "\r\n", 400},
      {"HTTP/1.10", "GET / HTTP/1.10\r\n" + kHost + "\r\n", 400},
      {"http/1.1", "GET / http/1.1\r\n" + kHost + "\r\n", 400},
      {"two types that differ", "GET / HTTP/1.1\r\n" + kHost + "Content-Type: a/b\r\nContent-Type: a/c\r\n\r\n", 400},
      {"two types that agree", "GET / HTTP/1.1\r\n" + kHost + "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n", 200},
      {"a dash in front", "GET / HTTP/1.1\r\nHost: -a.b\r\n\r\n", 400},
      {"half an IPv4 address", "GET / HTTP/1.1\r\nHost: 192.0.2\r\n\r\n", 400},
      {"no method", " / HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"method with a bracket", "G(T / HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"unknown method", "BREW / HTTP/1.1\r\n" + kHost + "\r\n", 200},
      {"endless method", std::string(40, 'A') + " / HTTP/1.1\r\n" + kHost + "\r\n", 501},
      {"length and chunked", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"two equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400},
      {"list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400},
      {"length +3", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400},
      {"length -3", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", 400},
      {"length 0x3", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", 400},
      {"empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
      {"huge length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400},
      {"POST without length", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", 411},
      {"POST of length 0", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200},
      {"GET of length 0", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200},
      {"GET with a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 400},
      {"chunked GET", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"chunked POST", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 200},
      {"Chunked POST", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", 200},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501},
      {"xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
      {"chunked twice",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"chunked with a vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b chunked\r\n\r\n", 400},
      {"Expect of something else", "GET / HTTP/1.1\r\nHost: a\r\nExpect: money\r\n\r\n", 417},
      {"TLS hello", "\x16\x03\x01\x02\r\n\r\n", 400},
  };
  return all;
}

TEST(HttpHead, GetsTheVerdictOfTheTable) {
  for (const Row& row : rows()) {
    EXPECT_EQ(verdict(row.head), row.status) << row.what;
  }
}

TEST(HttpHead, GetsTheSameVerdictByteByByte) {
  for (const Row& row : rows()) {
    HeadScanner scanner;
    int status = 0;
    for (std::size_t size = 1; size <= row.head.size() && status == 0; ++size) {
      const auto end = scanner.scan(std::string_view(row.head).substr(0, size), {});
      if (!end) {
        status = end.error().status;
      } else if (*end != 0) {
        EXPECT_EQ(*end, size) << row.what;
        const auto head = parse_head(std::string_view(row.head).substr(0, size), {});
        status = head ? 200 : head.error().status;
      }
    }
    EXPECT_EQ(status, row.status) << row.what;
  }
}

TEST(HttpHead, LimitsAreNamedRightly) {
  const HeadLimits limits{.max_header = 1000, .max_target = 200};
  EXPECT_EQ(verdict("GET /" + std::string(199, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits), 200);
  EXPECT_EQ(verdict("GET /" + std::string(200, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits), 414);
  EXPECT_EQ(verdict("GET /" + std::string(500, 'x'), limits), 414);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1000, 'x') + "\r\n\r\n", limits), 431);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1000, 'x'), limits), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 300; ++i) {
    many += "X: y\r\n";
  }
  EXPECT_EQ(verdict(many + "\r\n"), 431);
  const std::string whole = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(31900, 'x') + "\r\n\r\n";
  EXPECT_EQ(verdict(whole), 200);
}

TEST(HttpHead, TellsWhatTheRequestIs) {
  const std::string text =
      "POST http://Example.org:81/a/./b%2Fc?x=1?y HTTP/1.1\r\nHost: example.ORG:81\r\nContent-Length: 5\r\n"
      "Connection: foo, Close\r\nExpect: 100-Continue\r\nx-one:  two \r\n\r\n";
  const auto head = parse_head(text, {});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->authority, "Example.org:81");
  EXPECT_EQ(head->path, "/a/b%2Fc");
  EXPECT_EQ(head->query, "x=1?y");
  EXPECT_EQ(head->content_length, 5U);
  EXPECT_FALSE(head->keep_alive);
  EXPECT_TRUE(head->expect_continue);
  EXPECT_EQ(head->headers.get("X-One"), "two");
}

TEST(HttpHead, KeepsTheTargetAsItCameWhenAskedTo) {
  HeadLimits keep;
  keep.keep_target = true;
  const auto target = [&](std::string_view text) { return parse_head(text, keep)->target; };
  EXPECT_EQ(target("GET /a%2Fb/../c?q=%41 HTTP/1.0\r\n\r\n"), "/a%2Fb/../c?q=%41");
  EXPECT_EQ(target("GET http://a/x%20y? HTTP/1.1\r\nHost: a\r\n\r\n"), "/x%20y?");
  EXPECT_EQ(target("GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n"), "/?q");
  EXPECT_EQ(parse_head("GET /a HTTP/1.0\r\n\r\n", {})->target, "");
}

TEST(HttpHead, TakesTheHostFromTheTargetWhereThatIsAllowed) {
  constexpr std::string_view kText = "GET http://a.b/c HTTP/1.1\r\n\r\n";
  HeadLimits lenient;
  lenient.host_in_target = true;
  EXPECT_EQ(parse_head(kText, {}).error().status, 400);
  ASSERT_TRUE(parse_head(kText, lenient));
  EXPECT_EQ(parse_head(kText, lenient)->authority, "a.b");
  EXPECT_EQ(parse_head("GET /c HTTP/1.1\r\n\r\n", lenient).error().status, 400);
}

TEST(HttpHead, KeepsOldConnectionsOnlyWhenAsked) {
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n", {})->keep_alive);
  EXPECT_TRUE(parse_head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", {})->keep_alive);
  EXPECT_TRUE(parse_head("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {})->keep_alive);
}

struct ChunkRow {
  const char* what;
  std::string bytes;
  int status;  // 200: accepted as "hello world"
};

const ChunkRow kChunks[] = {
    {"plain", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200},
    {"capital hexadecimal", "B\r\nhello world\r\n0\r\n\r\n", 200},
    {"leading zeros", "00b\r\nhello world\r\n000\r\n\r\n", 200},
    {"trailer", "b\r\nhello world\r\n0\r\nX-Sum: 1\r\n\r\n", 200},
    {"extension", "b;a=b\r\nhello world\r\n0\r\n\r\n", 200},
    {"size line ended by LF", "b\nhello world\r\n0\r\n\r\n", 400},
    {"data ended by LF", "b\r\nhello world\n0\r\n\r\n", 400},
    {"end by LF: waits for a CRLF until the deadline", "b\r\nhello world\r\n0\r\n\n", 0},
    {"no size", "\r\nhello world\r\n0\r\n\r\n", 400},
    {"0x", "0xb\r\nhello world\r\n0\r\n\r\n", 400},
    {"plus", "+b\r\nhello world\r\n0\r\n\r\n", 400},
    {"minus", "-b\r\nhello world\r\n0\r\n\r\n", 400},
    {"blank before", " b\r\nhello world\r\n0\r\n\r\n", 400},
    {"blank after", "b \r\nhello world\r\n0\r\n\r\n", 400},
    {"tab after", "b\t\r\nhello world\r\n0\r\n\r\n", 400},
    {"17 digits", "0000000000000000b\r\nhello world\r\n0\r\n\r\n", 200},
    {"overflow", "10000000000000000\r\nhello world\r\n0\r\n\r\n", 400},
    {"huge", "ffffffffffffffff\r\nhello world\r\n0\r\n\r\n", 413},
    {"data longer than the size", "5\r\nhello world\r\n0\r\n\r\n", 400},
    {"data shorter than the size", "c\r\nhello world\r\n0\r\n\r\n", 400},
    {"trailer without a colon", "b\r\nhello world\r\n0\r\nXyz\r\n\r\n", 400},
    {"folded trailer: dropped like all trailers", "b\r\nhello world\r\n0\r\nX: a\r\n b\r\n\r\n", 200},
    {"blank before the trailer's colon", "b\r\nhello world\r\n0\r\nX : a\r\n\r\n", 400},
    {"bare CR in an extension", "b;a\rb\r\nhello world\r\n0\r\n\r\n", 400},
    {"NUL in an extension", "b;a\0b\r\nhello world\r\n0\r\n\r\n"s, 400},
    {"LF in an extension", "b;a\nb\r\nhello world\r\n0\r\n\r\n", 400},
};

int chunk_verdict(const std::string& bytes, std::size_t step, std::string& body) {
  ChunkedReader reader(1000, 1000);
  std::string in;
  for (std::size_t at = 0; at < bytes.size() && !reader.done(); at += step) {
    in += bytes.substr(at, step);
    const auto used = reader.feed(in, body);
    if (!used) {
      return used.error().status;
    }
    in.erase(0, *used);
  }
  return reader.done() ? 200 : 0;
}

TEST(ChunkedReader, GetsTheVerdictOfTheTableHoweverItArrives) {
  for (const ChunkRow& row : kChunks) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, row.bytes.size()}) {
      std::string body;
      EXPECT_EQ(chunk_verdict(row.bytes, step, body), row.status) << row.what << " by " << step;
      if (row.status == 200) {
        EXPECT_EQ(body, "hello world") << row.what;
      }
    }
  }
}

TEST(ChunkedReader, BoundsBodyAndLines) {
  std::string body;
  std::string many;
  for (int i = 0; i < 300; ++i) {
    many += "5\r\nhello\r\n";
  }
  EXPECT_EQ(chunk_verdict(many, 100, body), 413);
  body.clear();
  EXPECT_EQ(chunk_verdict("5;" + std::string(5000, 'x'), 100, body), 400);
  body.clear();
  EXPECT_EQ(chunk_verdict("0\r\nX: " + std::string(5000, 'x'), 100, body), 400);
}

}  // namespace
}  // namespace microtome::net
