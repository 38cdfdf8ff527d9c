// SPDX-License-Identifier: Apache-2.0
#include "host/cgi_params.hpp"

#include <gtest/gtest.h>

#include "net/fcgi_records.hpp"

namespace microtome::host {
namespace {

// Whether the variable `name` reaches a program with `value`.
bool reaches(std::string_view params, std::string_view name, std::string_view value) {
  std::string pair;
  net::fcgi::append_pair(pair, name, value);
  return params.find(pair) != std::string_view::npos;
}

std::string params_of(const http::Headers& headers) {
  Endpoint endpoint;
  CgiRequest request;
  request.method = "GET";
  request.endpoint = &endpoint;
  request.headers = &headers;
  return cgi_params(request, AppSpec{});
}

TEST(CgiParams, NamesBecomeVariables) {
  for (const auto& [header, variable] :
       std::initializer_list<std::pair<const char*, const char*>>{{"Forwarded", "HTTP_FORWARDED"},
                                                                  {"x-mine-2", "HTTP_X_MINE_2"},
                                                                  {"something_else", "HTTP_SOMETHING_ELSE"},
                                                                  {"something+else", "HTTP_SOMETHING_ELSE"},
                                                                  {"something.else", "HTTP_SOMETHING_ELSE"},
                                                                  {"X-Forwarded-For", "HTTP_X_FORWARDED_FOR"}}) {
    http::Headers headers;
    headers.add(header, "v");
    EXPECT_TRUE(reaches(params_of(headers), variable, "v")) << header;
  }
}

TEST(CgiParams, OddSpellingsDoNotPassForHeadersThatProgramsKnow) {
  for (const char* header : {"X_Forwarded_For", "X-Forwarded_For", "X.Forwarded.For", "User_Agent", "If_None_Match",
                             "Proxy", "Content_Type", "Content_Length"}) {
    http::Headers headers;
    headers.add(header, "spoofed");
    EXPECT_EQ(params_of(headers).find("spoofed"), std::string::npos) << header;
  }
  for (const char* header : {"Something_Else", "Something+Else", "Something.Else"}) {
    http::Headers headers;
    headers.add(header, "spoofed");
    headers.add("Something-Else", "true");
    EXPECT_EQ(params_of(headers).find("spoofed"), std::string::npos) << header;
    EXPECT_TRUE(reaches(params_of(headers), "HTTP_SOMETHING_ELSE", "true")) << header;
  }
}

}  // namespace
}  // namespace microtome::host
