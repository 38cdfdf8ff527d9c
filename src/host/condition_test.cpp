// SPDX-License-Identifier: Apache-2.0
#include "host/condition.hpp"

#include <gtest/gtest.h>

#include "host/config_parser.hpp"

namespace microtome::host {
namespace {

ConfigTree parsed(const std::string& text) {
  ConfigWorld world;
  world.read = [&](const std::string&) -> Result<std::string> { return text; };
  Diagnostics diagnostics;
  ConfigTree tree = parse_config("t.conf", world, diagnostics);
  EXPECT_EQ(format_diagnostics(diagnostics, tree.files), "");
  return tree;
}

bool holds(const std::string& condition, const ConditionInput& input) {
  return ConditionSet(parsed(condition + " { }")).evaluate(input).active.size() == 2;
}

TEST(Condition, HostComparesWithoutAPortWhenOneSideHasNone) {
  ConditionInput input;
  for (const auto& [host, condition, expected] :
       std::initializer_list<std::tuple<const char*, const char*, bool>>{{"a.b", "== \"a.b\"", true},
                                                                         {"a.b", "== \"A.b\"", false},
                                                                         {"a.b:18111", "== \"a.b\"", true},
                                                                         {"a.b", "== \"a.b:80\"", true},
                                                                         {"a.b:18111", "== \"a.b:80\"", false},
                                                                         {"a.b:1", "== \"a.b:1\"", true},
                                                                         {"", "!= \"a.b\"", true},
                                                                         {"a.b:18111", "=$ \".b\"", false},
                                                                         {"a.b:18111", "=~ \"^a\\.b$\"", false},
                                                                         {"[::1]:80", "== \"[::1]\"", true},
                                                                         {"a.b", "=^ \"a.\"", true},
                                                                         {"a.b", "!~ \"b\"", false}}) {
    input.host = host;
    EXPECT_EQ(holds(std::string("$HTTP[\"host\"] ") + condition, input), expected) << host << ' ' << condition;
  }
}

TEST(Condition, AddressesCompareAsNetworks) {
  ConditionInput input;
  for (const auto& [address, condition, expected] : std::initializer_list<std::tuple<const char*, const char*, bool>>{
           {"10.1.2.3", "== \"10.0.0.0/8\"", true},
           {"11.1.2.3", "== \"10.0.0.0/8\"", false},
           {"11.1.2.3", "!= \"10.0.0.0/8\"", true},
           {"2001:db8::5", "== \"2001:db8::/32\"", true},
           {"2001:db9::5", "== \"2001:db8::/32\"", false},
           {"::1", "== \"::1\"", true},
           {"127.0.0.1", "=~ \"^127\\.\"", true},
           {"", "== \"127.0.0.1\"", false},
           {"10.1.2.3", "== \"10.1.2.0/25\"", true},
           {"10.1.2.129", "== \"10.1.2.0/25\"", false},
           {"::ffff:10.1.2.3", "== \"10.1.2.3\"", true}}) {
    input.remote_address = address;
    EXPECT_EQ(holds(std::string("$HTTP[\"remoteip\"] ") + condition, input), expected) << address << condition;
  }
}

TEST(Condition, AnyHeaderAndOtherFields) {
  http::Headers headers;
  headers.add("X-Y", "1");
  headers.add("User-Agent", "curl");
  const ConditionInput input{"127.0.0.1:80", "h", "/a b", "q=1", "::1", "https", "POST", &headers};
  EXPECT_TRUE(holds("$REQUEST_HEADER[\"x-y\"] == \"1\"", input));
  EXPECT_TRUE(holds("$HTTP[\"useragent\"] =~ \"^c\"", input));
  EXPECT_TRUE(holds("$HTTP[\"referer\"] == \"\"", input));
  EXPECT_TRUE(holds("$HTTP[\"url\"] == \"/a b\"", input));
  EXPECT_TRUE(holds("$HTTP[\"querystring\"] == \"q=1\"", input));
  EXPECT_TRUE(holds("$HTTP[\"scheme\"] == \"https\"", input));
  EXPECT_TRUE(holds("$HTTP[\"request-method\"] != \"GET\"", input));
  EXPECT_TRUE(holds("$SERVER[\"socket\"] == \"127.0.0.1:80\"", input));
}

TEST(Condition, OfAnElseChainOneBlockHolds) {
  const ConditionSet set(parsed(R"(
    $HTTP["host"] == "a" { } else $HTTP["host"] =~ "^b" { } else $HTTP["url"] == "/x" { } else { })"));
  ConditionInput input;
  const auto active = [&](const char* host, const char* url) {
    input.host = host;
    input.url = url;
    return set.evaluate(input).active;
  };
  EXPECT_EQ(active("a", "/x"), (std::vector<int>{0, 1}));
  EXPECT_EQ(active("bb", "/x"), (std::vector<int>{0, 2}));
  EXPECT_EQ(active("c", "/x"), (std::vector<int>{0, 3}));
  EXPECT_EQ(active("c", "/y"), (std::vector<int>{0, 4}));
}

TEST(Condition, NestedBlocksNeedTheirParent) {
  const ConditionSet set(parsed(R"(
    $HTTP["host"] == "a" { $HTTP["url"] =~ "^/(x+)(y)?" { } else { } })"));
  ConditionInput input;
  input.host = "a";
  input.url = "/xx";
  const Outcome outcome = set.evaluate(input);
  EXPECT_EQ(outcome.active, (std::vector<int>{0, 1, 2}));
  ASSERT_NE(outcome.captured(2), nullptr);
  EXPECT_EQ((*outcome.captured(2))[1], "xx");
  input.host = "b";
  EXPECT_EQ(set.evaluate(input).active, (std::vector<int>{0}));
}

TEST(Regex, APatternThatExplodesEndsWithoutAMatch) {
  Regex::Fault fault;
  const RegexPtr regex = Regex::compile("^(a+)+$", fault);
  ASSERT_NE(regex, nullptr);
  EXPECT_FALSE(regex->match(std::string(5000, 'a') + "b", nullptr));
}

}  // namespace
}  // namespace microtome::host
