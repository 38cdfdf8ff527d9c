// SPDX-License-Identifier: Apache-2.0
#include "host/proxy_headers.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

ProxyHeaders rules() {
  ProxyHeaders rules;
  rules.hosts_out = {{"outer", "inner:8080"}, {"kept", ""}, {"-", "fallback"}};
  rules.hosts_in = {{"-", "-"}, {"cdn.inner", "cdn.outer"}};
  rules.paths = {{"/public/", "/app/"}};
  return rules;
}

TEST(ProxyMapping, ChoosesTheHostForTheServer) {
  const ProxyHeaders all = rules();
  EXPECT_EQ(ProxyMapping(all, "outer", false).host(), "inner:8080");
  EXPECT_EQ(ProxyMapping(all, "OUTER", false).host(), "inner:8080");
  EXPECT_EQ(ProxyMapping(all, "kept", false).host(), "kept");
  EXPECT_EQ(ProxyMapping(all, "other", false).host(), "fallback");
  EXPECT_EQ(ProxyMapping({}, "other", false).host(), "other");
}

TEST(ProxyMapping, MapsAddressesOfThisServerOnly) {
  const ProxyHeaders all = rules();
  const ProxyMapping mapping(all, "outer", false);
  EXPECT_EQ(mapping.path_out("/public/a?b"), "/app/a?b");
  EXPECT_EQ(mapping.path_out("/other"), "/other");
  EXPECT_EQ(mapping.url_out("http://outer/public/a"), "http://inner:8080/app/a");
  EXPECT_EQ(mapping.url_out("http://elsewhere/public/a"), "http://elsewhere/public/a");
  EXPECT_EQ(mapping.url_out("about:blank"), "about:blank");
  EXPECT_EQ(mapping.url_out(""), "");
}

TEST(ProxyMapping, MapsAnswersBack) {
  ProxyHeaders all = rules();
  all.https_remap = true;
  const ProxyMapping mapping(all, "outer", true);
  http::Headers headers;
  headers.add("Location", "http://inner:8080/app/x?u=/app/");
  headers.add("Content-Location", "/app/y");
  headers.add("Set-Cookie", "a=/app/; path=/app/; DOMAIN=.inner:8080; Secure");
  headers.add("Set-Cookie", "Path=/app/");
  headers.add("X-Other", "/app/");
  mapping.answer_in(headers);
  EXPECT_EQ(headers.get("Location"), "https://outer/public/x?u=/app/");
  EXPECT_EQ(headers.get("Content-Location"), "/public/y");
  EXPECT_EQ(headers.all()[2].value, "a=/app/; path=/public/; DOMAIN=.outer; Secure");
  EXPECT_EQ(headers.all()[3].value, "Path=/app/");
  EXPECT_EQ(headers.get("X-Other"), "/app/");
  http::Headers others;
  others.add("Location", "http://cdn.inner/app/z");
  others.add("Location", "//cdn.inner/app/z");
  others.add("Location", "http://else/app/z");
  mapping.answer_in(others);
  EXPECT_EQ(others.all()[0].value, "https://cdn.outer/public/z");
  EXPECT_EQ(others.all()[1].value, "//cdn.outer/public/z");
  EXPECT_EQ(others.all()[2].value, "http://else/app/z");
}

TEST(Forwarded, ElementHasTheWantedParts) {
  const ForwardedParts all =
      read_forwarded_parts({{"for", "1"}, {"by", "enable"}, {"proto", "0"}, {"host", "1"}, {"remote_user", "1"}});
  EXPECT_EQ(forwarded_element(all, {"127.0.0.1:80", "2001:db8::1", "a.b:1", "http", "x \"y\""}),
            "for=\"[2001:db8::1]\";by=\"127.0.0.1:80\";host=\"a.b:1\";remote_user=\"x \\\"y\\\"\"");
  EXPECT_EQ(forwarded_element({}, {"a", "b", "c", "d", "e"}), "");
}

}  // namespace
}  // namespace microtome::host
