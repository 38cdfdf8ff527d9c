// SPDX-License-Identifier: Apache-2.0
#include "net/response_head.hpp"

#include <gtest/gtest.h>

#include <string>

namespace microtome::net {
namespace {

http::Response response_with(int status, std::vector<http::Header> headers) {
  http::Response response;
  response.status = status;
  for (http::Header& header : headers) {
    response.headers.add(header.name, header.value);
  }
  return response;
}

TEST(ResponseHead, IsWhatGoesOut) {
  const auto response = response_with(200, {{"Content-Type", "image/jpeg"}, {"ETag", "\"x\""}});
  std::string http;
  EXPECT_EQ(append_http_head(http, response, {39600, false}, KeepAlive::implied, "DATE"), 0);
  EXPECT_EQ(
      http,
      "HTTP/1.1 200 OK\r\nDate: DATE\r\nContent-Type: image/jpeg\r\nETag: \"x\"\r\nContent-Length: 39600\r\n\r\n");
  std::string cgi;
  append_cgi_head(cgi, response, {39600, false});
  EXPECT_EQ(cgi, "Status: 200 OK\r\nContent-Type: image/jpeg\r\nETag: \"x\"\r\nContent-Length: 39600\r\n\r\n");
}

TEST(ResponseHead, LeavesOutWhatBelongsToTheTransport) {
  const auto response = response_with(200, {{"connection", "x"},
                                            {"Content-length", "1"},
                                            {"Transfer-Encoding", "chunked"},
                                            {"DATE", "x"},
                                            {"Status", "500"},
                                            {"Upgrade", "h2c"}});
  std::string text;
  EXPECT_EQ(append_http_head(text, response, {0, false}, KeepAlive::close, "D"), 0);
  EXPECT_EQ(text, "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST(ResponseHead, CannotBeBrokenApart) {
  const auto response = response_with(200, {{"X-A", "1\r\nX-B: 2"},
                                            {"X C", "3"},
                                            {"X-D\n", "4"},
                                            {"", "5"},
                                            {"X-E", std::string("6\0", 2)},
                                            {"X-F", "7"}});
  std::string text;
  EXPECT_EQ(http::append_field_lines(text, response.headers), 5);
  EXPECT_EQ(text, "X-F: 7\r\n");
}

TEST(ResponseHead, HasNoLengthWhereThereIsNoBody) {
  for (const int status : {204, 304}) {
    std::string text;
    append_http_head(text, response_with(status, {}), {0, false}, KeepAlive::implied, "D");
    EXPECT_EQ(text.find("Content-Length"), std::string::npos) << status;
  }
  std::string odd;
  append_http_head(odd, response_with(99, {}), {0, false}, KeepAlive::implied, "D");
  EXPECT_TRUE(odd.starts_with("HTTP/1.1 500 "));
}

TEST(ResponseHead, NamesATypeForGateways) {
  std::string text;
  append_cgi_head(text, response_with(200, {}), {5, false});
  EXPECT_NE(text.find("Content-Type: application/octet-stream\r\n"), std::string::npos);
}

}  // namespace
}  // namespace microtome::net
