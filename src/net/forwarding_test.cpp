// SPDX-License-Identifier: Apache-2.0
#include "net/forwarding.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace microtome::net {
namespace {

struct Row {
  const char* what;
  std::vector<http::Header> headers;
  const char* path;
  const char* mount;  // configured
  // Expected: scheme authority mount path remote
  const char* seen;
};

std::string seen(const http::Request& request) {
  return request.scheme + " " + request.authority + " '" + request.mount + "' " + request.path + " " +
         request.remote_address;
}

http::Request request_of(const Row& row) {
  http::Request request;
  request.path = row.path;
  request.authority = "inner";
  request.remote_address = "10.0.0.1";
  for (const http::Header& header : row.headers) {
    request.headers.add(header.name, header.value);
  }
  return request;
}

TEST(Forwarding, BelievesTrustedProxies) {
  const AddressSet trusted = *AddressSet::parse(std::string_view("10.0.0.0/8, ::1"));
  const Row rows[] = {
      {"nothing", {}, "/a", "", "http inner '' /a 10.0.0.1"},
      {"proto and host",
       {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "pub:8443"}},
       "/a",
       "",
       "https pub:8443 '' /a 10.0.0.1"},
      {"lists",
       {{"X-Forwarded-Proto", "HTTPS, http"}, {"X-Forwarded-Host", "a, b"}},
       "/a",
       "",
       "https a '' /a 10.0.0.1"},
      {"rubbish",
       {{"X-Forwarded-Proto", "javascript"}, {"X-Forwarded-Host", "a/b"}},
       "/a",
       "",
       "http inner '' /a 10.0.0.1"},
      {"client behind two proxies",
       {{"X-Forwarded-For", "1.1.1.1, 192.0.2.5, 10.9.9.9"}},
       "/a",
       "",
       "http inner '' /a 192.0.2.5"},
      {"client unknown", {{"X-Forwarded-For", "1.1.1.1, unknown"}}, "/a", "", "http inner '' /a 10.0.0.1"},
      {"Forwarded",
       {{"Forwarded", "for=\"[2001:db8::1]:99\";proto=https;host=\"pub:1\", for=10.1.1.1"},
        {"X-Forwarded-Host", "other"}},
       "/a",
       "",
       "https pub:1 '' /a 2001:db8::1"},
      {"prefix, stripped", {{"X-Forwarded-Prefix", "/p/"}}, "/a", "", "http inner '/p' /a 10.0.0.1"},
      {"prefix, not stripped", {{"X-Forwarded-Prefix", "/p"}}, "/p/a", "", "http inner '/p' /a 10.0.0.1"},
      {"prefix alone", {{"X-Forwarded-Prefix", "/p"}}, "/p", "", "http inner '/p' / 10.0.0.1"},
      {"script name", {{"X-Script-Name", "/s"}}, "/a", "", "http inner '/s' /a 10.0.0.1"},
      {"ingress", {{"X-Ingress-Path", "/api/x"}}, "/a", "", "http inner '/api/x' /a 10.0.0.1"},
      {"bad prefix", {{"X-Forwarded-Prefix", "/p\"><script>"}}, "/a", "", "http inner '' /a 10.0.0.1"},
      {"climbing prefix", {{"X-Forwarded-Prefix", "/../p"}}, "/a", "", "http inner '' /a 10.0.0.1"},
      {"doubled slash", {{"X-Forwarded-Prefix", "//evil.org"}}, "/a", "", "http inner '' /a 10.0.0.1"},
      {"original address", {{"X-Original-URI", "/p/q/a?x=/a"}}, "/a", "", "http inner '/p/q' /a 10.0.0.1"},
      {"original address, whole", {{"X-Original-URL", "https://pub/p/a"}}, "/a", "", "http inner '/p' /a 10.0.0.1"},
      {"original address of something else", {{"X-Forwarded-Uri", "/p/b"}}, "/a", "", "http inner '' /a 10.0.0.1"},
      {"mount, there", {}, "/m/a", "/m", "http inner '/m' /a 10.0.0.1"},
      {"mount, not there", {}, "/a", "/m", "http inner '/m' /a 10.0.0.1"},
      {"mount below a prefix", {{"X-Forwarded-Prefix", "/p"}}, "/m/a", "/m", "http inner '/p/m' /a 10.0.0.1"},
      {"prefix that is the mount", {{"X-Forwarded-Prefix", "/m"}}, "/m/a", "/m", "http inner '/m' /a 10.0.0.1"},
  };
  for (const Row& row : rows) {
    http::Request request = request_of(row);
    apply_public_address(request, true, trusted, row.mount);
    EXPECT_EQ(seen(request), row.seen) << row.what;
  }
}

TEST(Forwarding, BelievesNobodyElse) {
  const Row row{"",
                {{"X-Forwarded-Proto", "https"},
                 {"X-Forwarded-Host", "evil"},
                 {"X-Forwarded-Prefix", "/p"},
                 {"X-Forwarded-For", "1.1.1.1"},
                 {"Forwarded", "host=evil"}},
                "/a",
                "",
                ""};
  http::Request request = request_of(row);
  apply_public_address(request, false, {}, "");
  EXPECT_EQ(seen(request), "http inner '' /a 10.0.0.1");
}

TEST(AddressSet, KnowsNetworks) {
  const auto set = AddressSet::parse(std::string_view("10.1.0.0/16, 192.0.2.7, 2001:db8::/33, unix"));
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->contains_unix());
  for (const char* in : {"10.1.255.255", "192.0.2.7", "2001:db8::1", "2001:db8:7fff::", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(set->contains(in)) << in;
  }
  for (const char* out : {"10.2.0.0", "192.0.2.8", "2001:db8:8000::", "::1", "", "10.1", "x", "010.1.0.0"}) {
    EXPECT_FALSE(set->contains(out)) << out;
  }
  EXPECT_TRUE(AddressSet::parse(std::string_view("0.0.0.0/0"))->contains("8.8.8.8"));
  EXPECT_FALSE(AddressSet::parse(std::string_view("0.0.0.0/0"))->contains("::1"));
  EXPECT_TRUE(AddressSet::parse(std::string_view(""))->empty());
  for (const char* bad : {"10.0.0.0/33", "::/129", "x", "1.2.3", "10.0.0.0/", "10.0.0.0/-1", "localhost"}) {
    EXPECT_FALSE(AddressSet::parse(std::string_view(bad))) << bad;
  }
}

}  // namespace
}  // namespace microtome::net
