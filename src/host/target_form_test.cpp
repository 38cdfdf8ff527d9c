// SPDX-License-Identifier: Apache-2.0
#include "host/target_form.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

TEST(TargetForm, OneSpelling) {
  for (const auto& [sent, plain] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/", "/"},
           {"/abc/def?d=e&f=g", "/abc/def?d=e&f=g"},
           {"/abc?", "/abc?"},
           {"/%2f", "/%2F"},
           {"/%20", "/%20"},
           {"/%2b?x=%2b", "/%2B?x=%2B"},
           {"/%3a", "/%3A"},
           {"/%7ejan/%41%2D%5f", "/~jan/A-_"},
           {"/~test%20\xc3\xa4_", "/~test%20%C3%A4_"},
           {"/a?c=d+e%20f", "/a?c=d+e%20f"},
           {"/100%", "/100%25"},
           {"/%zz", "/%25zz"},
           {"/%%341", "/%2541"},
           {"/a|b\"", "/a%7Cb%22"},
       }) {
    EXPECT_EQ(plain_target(sent), plain) << sent;
    EXPECT_EQ(plain_target(plain), plain) << sent;
  }
}

TEST(TargetForm, DotSegments) {
  for (const char* target : {"/a/../b", "/./b", "/a/..", "/a/%2e%2e/b", "/a%2f..%2Fb", "/a/.%2e?x"}) {
    EXPECT_TRUE(has_dot_segment(target)) << target;
  }
  for (const char* target : {"/", "/a/b", "/a..b/.c/...", "/a%2Fb", "/a?b=/../c"}) {
    EXPECT_FALSE(has_dot_segment(target)) << target;
  }
}

}  // namespace
}  // namespace microtome::host
