// SPDX-License-Identifier: Apache-2.0
#include "net/fcgi_request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "net/fcgi_records.hpp"

namespace microtome::net {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

Result<CgiRequest> read(const Params& params, std::string_view mount = "", const AddressSet& trusted = {}) {
  std::string bytes;
  for (const auto& [name, value] : params) {
    fcgi::append_pair(bytes, name, value);
  }
  return read_cgi_request(as_bytes(bytes), mount, trusted);
}

struct PathRow {
  const char* who;
  Params params;
  const char* mount;  // configured
  const char* path;
  const char* shown_mount;
};

TEST(CgiRequest, FindsThePathInEveryLayout) {
  const PathRow rows[] = {
      {"lighttpd, key \"/\", root", {{"SCRIPT_NAME", "/"}, {"REQUEST_URI", "/?FIF=x"}}, "", "/", ""},
      {"lighttpd, key \"/\"",
       {{"SCRIPT_NAME", "/x"}, {"PATH_INFO", "/y"}, {"REQUEST_URI", "/x/y?q"}},
       "",
       "/x/y",
       ""},
      {"lighttpd, key \"/\", front-end does not strip",
       {{"SCRIPT_NAME", "/cgi-bin"},
        {"PATH_INFO", "/wlziipsrv.fcgi"},
        {"REQUEST_URI", "/cgi-bin/wlziipsrv.fcgi?FIF=x"}},
       "",
       "/",
       "/cgi-bin/wlziipsrv.fcgi"},
      {"fix-root-scriptname, Caddy", {{"SCRIPT_NAME", ""}, {"PATH_INFO", "/a/b"}}, "", "/a/b", ""},
      {"nginx", {{"SCRIPT_NAME", "/a/b"}, {"REQUEST_URI", "/a/b"}}, "", "/a/b", ""},
      {"at the script",
       {{"SCRIPT_NAME", "/cgi-bin/m.fcgi"}, {"PATH_INFO", "/a/b"}, {"REQUEST_URI", "/cgi-bin/m.fcgi/a/b"}},
       "",
       "/a/b",
       "/cgi-bin/m.fcgi"},
      {"a mount that is there", {{"SCRIPT_NAME", "/iip"}, {"PATH_INFO", "/a"}}, "/iip", "/a", "/iip"},
      {"a mount alone", {{"SCRIPT_NAME", "/iip"}}, "/iip", "/", "/iip"},
      {"a mount that the front-end took off", {{"SCRIPT_NAME", "/a"}}, "/iip", "/a", "/iip"},
      {"a name that only begins like the mount", {{"SCRIPT_NAME", "/iipx/a"}}, "/iip", "/iipx/a", "/iip"},
      {"not the end of a segment", {{"SCRIPT_NAME", "/a.fcgix/b"}}, "", "/a.fcgix/b", ""},
      {"an encoded slash survives",
       {{"SCRIPT_NAME", "/iiif/set/1/full"}, {"REQUEST_URI", "/iiif/set%2F1/full?x"}},
       "",
       "/iiif/set%2F1/full",
       ""},
      {"nginx merges slashes",
       {{"SCRIPT_NAME", "/iiif/abs/x"}, {"REQUEST_URI", "/iiif/%2Fabs/x"}},
       "",
       "/iiif/%2Fabs/x",
       ""},
      {"REQUEST_URI of a rewritten request",
       {{"SCRIPT_NAME", "/inner/x"}, {"REQUEST_URI", "/outer/x"}},
       "",
       "/inner/x",
       ""},
      {"REQUEST_URI in absolute form", {{"PATH_INFO", "/a/b"}, {"REQUEST_URI", "http://h/a%2Fb"}}, "", "/a%2Fb", ""},
      {"decoded once only", {{"PATH_INFO", "/a%2Fb c"}}, "", "/a%252Fb%20c", ""},
      {"REQUEST_URI alone", {{"REQUEST_URI", "/a/b?x=1"}}, "", "/a/b", ""},
      {"nothing", {}, "", "/", ""},
  };
  for (const PathRow& row : rows) {
    const auto result = read(row.params, row.mount);
    ASSERT_TRUE(result) << row.who;
    EXPECT_EQ(result->request.path, row.path) << row.who;
    EXPECT_EQ(result->request.mount, row.shown_mount) << row.who;
  }
}

TEST(CgiRequest, RefusesWhatClimbsOutOrHoldsNul) {
  for (const Params& params :
       {Params{{"PATH_INFO", "/../a"}}, Params{{"PATH_INFO", std::string("/a\0b", 4)}},
        Params{{"REQUEST_URI", "/%2e%2e/a"}}, Params{{"SCRIPT_NAME", "/a"}, {"PATH_INFO", "/../../b"}},
        Params{{"REQUEST_METHOD", "G T"}}, Params{{"CONTENT_LENGTH", "-1"}}, Params{{"CONTENT_LENGTH", "1x"}},
        Params{{"HTTP_X", "a\r\nb"}}, Params{{"HTTP_X Y", "a"}},
        Params{{"DOCUMENT_ROOT", std::string("/a\0b", 4)}}}) {
    const auto result = read(params);
    ASSERT_FALSE(result) << params[0].first << result->request.path;
    EXPECT_EQ(result.error().code, Code::bad_request);
  }
  EXPECT_FALSE(read_cgi_request(as_bytes("\5\5abc"), "", {}));
}

TEST(CgiRequest, TakesOverWhatThePublicSees) {
  const auto result = read({{"REQUEST_METHOD", "POST"},
                            {"HTTPS", "on"},
                            {"HTTP_HOST", "example.org:8443"},
                            {"HTTP_ACCEPT_ENCODING", "br"},
                            {"HTTP_IF_NONE_MATCH", "\"x\""},
                            {"HTTP_PROXY", "http://evil/"},
                            {"HTTP_EMPTY", ""},
                            {"CONTENT_TYPE", "text/plain"},
                            {"CONTENT_LENGTH", "12"},
                            {"REMOTE_ADDR", "192.0.2.9"},
                            {"DOCUMENT_ROOT", "/srv/www"},
                            {"QUERY_STRING", "FIF=a%2Fb"},
                            {"REQUEST_URI", "/?other"}});
  ASSERT_TRUE(result);
  const http::Request& request = result->request;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.scheme, "https");
  EXPECT_EQ(request.authority, "example.org:8443");
  EXPECT_EQ(request.headers.get("Accept-Encoding"), "br");
  EXPECT_EQ(request.headers.get("If-None-Match"), "\"x\"");
  EXPECT_EQ(request.headers.get("Content-Type"), "text/plain");
  EXPECT_FALSE(request.headers.has("Proxy"));
  EXPECT_FALSE(request.headers.has("Empty"));
  EXPECT_EQ(result->content_length, 12U);
  EXPECT_EQ(request.remote_address, "192.0.2.9");
  EXPECT_EQ(request.document_root, "/srv/www");
  EXPECT_EQ(request.query, "FIF=a%2Fb");
}

TEST(CgiRequest, MakesUpTheHostFromTheServer) {
  EXPECT_EQ(read({{"SERVER_NAME", "s"}, {"SERVER_PORT", "8080"}})->request.authority, "s:8080");
  EXPECT_EQ(read({{"SERVER_NAME", "s"}, {"SERVER_PORT", "443"}, {"REQUEST_SCHEME", "https"}})->request.authority,
            "s");
  EXPECT_EQ(read({{"SERVER_NAME", "s/t"}})->request.authority, "");
}

TEST(CgiRequest, TakesTheLastOfRepeatedParameters) {
  const auto result = read({{"PATH_INFO", "/a"}, {"PATH_INFO", "/b"}, {"HTTP_X", "1"}, {"HTTP_X", "2"}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->request.path, "/b");
  EXPECT_EQ(result->request.headers.get("X"), "2");
  EXPECT_EQ(result->repeated, 2);
}

TEST(CgiRequest, AnEmptyLengthIsUnknown) {
  EXPECT_FALSE(read({{"CONTENT_LENGTH", ""}})->content_length);
  EXPECT_EQ(read({{"CONTENT_LENGTH", "0"}})->content_length, 0U);
}

TEST(CgiRequest, BoundsHowMuchThereIs) {
  Params many(600, {"", ""});
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i].first = "HTTP_H" + std::to_string(i);
    many[i].second = "v";
  }
  EXPECT_EQ(read(many).error().code, Code::too_large);
  EXPECT_EQ(read(Params(5000, {"X", "y"})).error().code, Code::too_large);
}

TEST(CgiRequest, BelievesForwardingHeadersOfTrustedAddressesOnly) {
  const auto trusted = AddressSet::parse(std::string_view("192.0.2.0/24"));
  const Params params{{"REMOTE_ADDR", "192.0.2.1"},
                      {"PATH_INFO", "/a"},
                      {"HTTP_HOST", "inner"},
                      {"HTTP_X_FORWARDED_HOST", "outer"},
                      {"HTTP_X_FORWARDED_PREFIX", "/p"}};
  EXPECT_EQ(read(params)->request.authority, "inner");
  EXPECT_EQ(read(params, "", *trusted)->request.authority, "outer");
  EXPECT_EQ(read(params, "", *trusted)->request.mount, "/p");
}

}  // namespace
}  // namespace microtome::net
