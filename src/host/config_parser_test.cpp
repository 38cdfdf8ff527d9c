// SPDX-License-Identifier: Apache-2.0
#include "host/config_parser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "host/directives.hpp"

namespace microtome::host {
namespace {

namespace fs = std::filesystem;
const fs::path kFixtures = fs::path(MICROTOME_FIXTURES) / "host";

std::string slurp(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A world of files in memory; "t.conf" is `text`.
ConfigWorld world_of(const std::string& text, std::map<std::string, std::string> more = {}) {
  more["t.conf"] = text;
  ConfigWorld world;
  world.read = [more](const std::string& path) -> Result<std::string> {
    const auto found = more.find(path);
    if (found == more.end()) {
      return fail(Code::io, "cannot be read", "No such file or directory");
    }
    return found->second;
  };
  world.glob = [more](const std::string& pattern) {
    std::vector<std::string> paths;
    for (const auto& [path, content] : more) {
      if (path.starts_with(pattern.substr(0, pattern.find('*')))) {
        paths.push_back(path);
      }
    }
    return paths;
  };
  world.environment = [](const std::string& name) {
    return name == "HOME" ? std::optional<std::string>("/home/me") : std::nullopt;
  };
  world.directory = "/here";
  world.process = 42;
  return world;
}

std::string errors_of(const std::string& text, std::map<std::string, std::string> more = {}) {
  Diagnostics diagnostics;
  const ConfigWorld world = world_of(text, std::move(more));
  const ConfigTree tree = parse_config("t.conf", world, diagnostics);
  if (diagnostics.errors() == 0) {
    check_directives(tree, diagnostics);
  }
  return format_diagnostics(diagnostics, tree.files);
}

ConfigTree parsed(const std::string& text, std::map<std::string, std::string> more = {}) {
  Diagnostics diagnostics;
  const ConfigWorld world = world_of(text, std::move(more));
  ConfigTree tree = parse_config("t.conf", world, diagnostics);
  EXPECT_EQ(diagnostics.errors(), 0) << format_diagnostics(diagnostics, tree.files);
  return tree;
}

TEST(ConfigParser, PrintedListing2017PointsAtTheListThatIsNotClosed) {
  Diagnostics diagnostics;
  const ConfigTree tree =
      parse_config((kFixtures / "visorb/as-printed.conf").string(), real_world(false), diagnostics);
  ASSERT_GE(diagnostics.errors(), 1);
  const Diagnostic& first = diagnostics.all().front();
  EXPECT_EQ(first.severity, Severity::error);
  EXPECT_EQ(first.place.line, 13);
  EXPECT_EQ(first.place.column, 19);
  EXPECT_NE(first.message.find("the list opened here is not closed"), std::string::npos);
  EXPECT_NE(first.message.find("line 17"), std::string::npos) << "says where the bracket belongs";
  // The second one: fastcgi.server, open until the end of the file, four brackets deep.
  EXPECT_EQ(diagnostics.errors(), 2);
  EXPECT_EQ(diagnostics.all().back().place.line, 21);
}

TEST(ConfigParser, CompletedListing2017ParsesWithoutAnyMessage) {
  Diagnostics diagnostics;
  const ConfigTree tree =
      parse_config((kFixtures / "visorb/completed.conf").string(), real_world(false), diagnostics);
  check_directives(tree, diagnostics);
  EXPECT_EQ(format_diagnostics(diagnostics, tree.files), "");
  const List& backend = tree.global("fastcgi.server")->value.list().front().value.list().front().value.list();
  EXPECT_EQ(find_key(backend, "socket")->text(), "/home/myusername/webapps/visorb_iipsrv/wlziipsrv-fastcgi.socket");
  EXPECT_EQ(find_key(find_key(backend, "bin-environment")->list(), "MAX_CVT")->text(), "3000");
}

// Each bad/NN.conf has one fault; bad/NN.expect says what we say about it.
TEST(ConfigParser, EveryBadFileGetsItsMessage) {
  int files = 0;
  for (const auto& file : fs::directory_iterator(kFixtures / "bad")) {
    if (file.path().extension() != ".conf") {
      continue;
    }
    ++files;
    std::string expected;
    std::istringstream lines(slurp(fs::path(file.path()).replace_extension(".expect")));
    for (std::string line; std::getline(lines, line);) {
      expected += "t.conf:" + line + '\n';
    }
    EXPECT_EQ(errors_of(slurp(file.path())), expected) << file.path();
  }
  EXPECT_GT(files, 40);
}

TEST(ConfigParser, ValuesJoinAsInLighttpd) {
  const ConfigTree tree = parsed(R"(
    a = 1 + "x" + 2
    b = 5 + 5 + "5"
    c = ("a", "k" => "v",) + ("b")
    c += ("d")
    d = var.CWD + "/" + var.PID
    e = env.HOME
    server.tag = "x"
    server.tag := server.tag + "y")");
  EXPECT_EQ(tree.global("var.a")->value.text(), "1x2");
  EXPECT_EQ(tree.global("var.b")->value.text(), "105");
  EXPECT_EQ(tree.global("var.c")->value.list().size(), 4U);
  EXPECT_EQ(tree.global("var.d")->value.text(), "/here/42");
  EXPECT_EQ(tree.global("var.e")->value.text(), "/home/me");
  EXPECT_EQ(tree.global("server.tag")->value.text(), "xy");
}

TEST(ConfigParser, AVariableLivesInItsBlock) {
  const ConfigTree tree = parsed(R"(
    x = 1
    $HTTP["host"] == "a" { x += 2 server.tag = "a" + x }
    server.name = "b" + x)");
  EXPECT_EQ(tree.blocks[1].find("server.tag")->value.text(), "a3");
  EXPECT_EQ(tree.global("server.name")->value.text(), "b1");
}

TEST(ConfigParser, ElseIfMayBeSpelledAsElsewhere) {
  for (const char* word : {"else", "else if", "elif", "elseif", "elsif"}) {
    const ConfigTree tree = parsed(std::string("$HTTP[\"host\"] == \"a\" { } ") + word +
                                   " $HTTP[\"host\"] == \"b\" { server.tag = \"q\" } else { server.tag = \"z\" }");
    ASSERT_EQ(tree.blocks.size(), 4U) << word;
    EXPECT_EQ(tree.blocks[2].previous, 1) << word;
    EXPECT_EQ(tree.blocks[3].previous, 2) << word;
    EXPECT_FALSE(tree.blocks[3].condition.has_value());
  }
}

TEST(ConfigParser, IncludesAreRelativeToTheMainFileAndErrorsNameTheirFile) {
  const ConfigTree tree =
      parsed("z = \"1\" include \"conf.d/*\" w = y", {{"conf.d/a", "server.tag = z"}, {"conf.d/b", "y = 5"}});
  EXPECT_EQ(tree.global("server.tag")->value.text(), "1");
  EXPECT_EQ(tree.global("var.w")->value.number(), 5);
  EXPECT_EQ(errors_of("include \"inc\"", {{"inc", "a = 1\nb = c\n"}}),
            "inc:2:5: error: there is no variable 'c'; is 'var.a' meant?\nt.conf:1:1: note: included from here\n");
}

TEST(ConfigParser, AFileThatIncludesItselfEnds) {
  EXPECT_NE(errors_of("include \"t.conf\"").find("does one include itself?"), std::string::npos);
}

TEST(ConfigParser, GrowingValuesAreBounded) {
  std::string text = "a = \"0123456789abcdef\"\n";
  for (int i = 0; i < 64; ++i) {
    text += "a += a\n";
  }
  EXPECT_NE(errors_of(text).find("grow beyond"), std::string::npos);
}

TEST(Directives, UnknownNamesAreWarningsWithASuggestion) {
  EXPECT_EQ(errors_of("server.por = 80"),
            "t.conf:1:1: warning: unknown setting 'server.por' is ignored; is 'server.port' meant?\n");
  EXPECT_EQ(errors_of("\n  fastcgi.server = ( \"/\" => (( \"min-proc\" => 1 )))"),
            "t.conf:2:32: warning: unknown setting 'min-proc' is ignored; is 'min-procs' meant?\n");
}

TEST(Directives, WrongKindsAreErrorsThatShowTheRightForm) {
  EXPECT_EQ(errors_of("server.tag = 5"), "t.conf:1:14: error: 'server.tag' needs a string: server.tag = \"...\"\n");
  EXPECT_EQ(errors_of("server.port = \"80x\""),
            "t.conf:1:15: error: 'server.port' needs a whole number from 0 to 2147483647\n");
  EXPECT_EQ(errors_of("alias.url = ( \"a\" )"),
            "t.conf:1:15: error: 'alias.url' needs a list of keys and strings: alias.url = ( \"...\" => \"...\" )\n");
  EXPECT_NE(errors_of("fastcgi.server = ( \"/\" => ( \"host\" => \"x\" ) )").find("two of each bracket"),
            std::string::npos);
  EXPECT_EQ(errors_of("server.follow-symlink = \"yes\""),
            "t.conf:1:25: error: 'server.follow-symlink' needs \"enable\" or \"disable\"\n");
  for (const char* good : {"\"enable\"", "\"Disable\"", "\"true\"", "\"0\"", "1", "2"}) {
    EXPECT_EQ(errors_of(std::string("server.follow-symlink = ") + good), "");
  }
}

TEST(Directives, RefusedOnesAreErrorsWithAReason) {
  EXPECT_NE(errors_of("cgi.assign = ( \".pl\" => \"/usr/bin/perl\" )").find("fcgiwrap"), std::string::npos);
  EXPECT_NE(errors_of("webdav.activate = \"enable\"").find("WebDAV"), std::string::npos);
  EXPECT_EQ(errors_of("webdav.activate = \"disable\""), "");
}

TEST(Directives, TableIsSortedForSearching) {
  for (const auto table : {directives(), backend_keys()}) {
    EXPECT_TRUE(std::is_sorted(table.begin(), table.end(),
                               [](const Directive& a, const Directive& b) { return a.name < b.name; }));
    for (const Directive& row : table) {
      EXPECT_EQ(find_directive(table, row.name), &row);
      EXPECT_FALSE(row.meaning.empty());
    }
  }
}

// lighttpd itself, where it is installed, prints every good file as we do.
TEST(ConfigPeer, GoodFilesPrintAsLighttpdPrintsThem) {
  const std::string lighttpd = fs::exists("/usr/sbin/lighttpd") ? "/usr/sbin/lighttpd" : "/usr/local/sbin/lighttpd";
  if (!fs::exists(lighttpd)) {
    GTEST_SKIP() << "lighttpd is not installed";
  }
  const auto without_pid = [](const std::string& text) {
    std::istringstream lines(text);
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
      kept += line.find("var.PID") == std::string::npos ? line + '\n' : "";
    }
    return kept;
  };
  int files = 0;
  for (const auto& file : fs::directory_iterator(kFixtures / "good")) {
    if (file.path().extension() != ".conf") {
      continue;
    }
    ++files;
    FILE* pipe = ::popen((lighttpd + " -p -f " + file.path().string() + " 2>&1").c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string theirs;
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) {
      theirs += static_cast<char>(c);
    }
    ::pclose(pipe);
    Diagnostics diagnostics;
    const ConfigTree tree = parse_config(file.path().string(), real_world(false), diagnostics);
    EXPECT_EQ(format_diagnostics(diagnostics, tree.files), "") << file.path();
    EXPECT_EQ(without_pid(print_tree(tree)), without_pid(theirs)) << file.path() << slurp(file.path());
  }
  EXPECT_GT(files, 40);
}

}  // namespace
}  // namespace microtome::host
