// SPDX-License-Identifier: Apache-2.0
#include "io/roots.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "io/scratch_dir.hpp"

namespace microtome::io {
namespace {

// top/data/slices/a.tif, top/data/slices/S28_041.tif, top/other/b.tif, top/data-secret/c.tif
class RootsTest : public testing::Test {
 protected:
  RootsTest() {
    for (const char* name : {"data/slices/a.tif", "data/slices/S28_041.tif", "other/b.tif", "data-secret/c.tif"}) {
      top.write(name, std::string_view("x"));
    }
  }
  Roots make(RootsOptions options) {
    auto roots = Roots::make(options);
    EXPECT_TRUE(roots);
    return *roots;
  }
  static Code code(const Result<std::string>& result) { return result ? Code::internal : result.error().code; }
  ScratchDir top;
  std::string data = top.path("data");
};

TEST_F(RootsTest, finds_relative_names_below_each_root_in_order) {
  const Roots roots = make({{data, top.path("other")}, "", ""});
  EXPECT_EQ(roots.resolve("slices/a.tif"), data + "/slices/a.tif");
  EXPECT_EQ(roots.resolve("./slices//a.tif"), data + "/slices/a.tif");
  EXPECT_EQ(roots.resolve("b.tif"), top.path("other/b.tif"));
  EXPECT_EQ(roots.resolve("slices"), data + "/slices");
}

TEST_F(RootsTest, takes_absolute_paths_below_a_root_only) {
  const Roots roots = make({{data}, "", ""});
  EXPECT_EQ(roots.resolve(data + "/slices/a.tif"), data + "/slices/a.tif");
  EXPECT_EQ(code(roots.resolve(top.path("other/b.tif"))), Code::not_found);
  EXPECT_EQ(code(roots.resolve("/etc/passwd")), Code::not_found);
  EXPECT_EQ(code(roots.resolve(top.path("data-secret/c.tif"))), Code::not_found);  // not below "data"
}

TEST_F(RootsTest, never_climbs) {
  const Roots roots = make({{data}, "", ""});
  for (const char* name : {"../other/b.tif", "slices/../../other/b.tif", "slices/../slices/a.tif", "..", "slices/..",
                           "....//other/b.tif", ".../b.tif", "../data/slices/a.tif"}) {
    EXPECT_EQ(code(roots.resolve(name)), Code::not_found) << name;
  }
  top.write("data/a..b.tif", std::string_view("x"));
  EXPECT_TRUE(roots.resolve("a..b.tif"));  // two dots inside a name are only a name
}

TEST_F(RootsTest, refuses_nul_empty_and_endless_names) {
  const Roots roots = make({{data}, "", ""});
  EXPECT_EQ(code(roots.resolve(std::string_view("slices/a.tif\0.png", 17))), Code::not_found);
  EXPECT_EQ(code(roots.resolve("")), Code::not_found);
  EXPECT_EQ(code(roots.resolve(std::string(100'000, 'a'))), Code::not_found);
  std::string deep;
  for (int i = 0; i < 3000; ++i) {
    deep += "a/";
  }
  EXPECT_EQ(code(roots.resolve(deep)), Code::not_found);
}

TEST_F(RootsTest, links_may_stay_inside_but_not_leave) {
  std::filesystem::create_symlink("slices/a.tif", data + "/inside.tif");
  std::filesystem::create_symlink(top.path("other/b.tif"), data + "/outside.tif");
  std::filesystem::create_directory_symlink(top.path("other"), data + "/door");
  std::filesystem::create_symlink("loop", data + "/loop");
  const Roots roots = make({{data}, "", ""});
  EXPECT_EQ(roots.resolve("inside.tif"), data + "/slices/a.tif");
  EXPECT_EQ(code(roots.resolve("outside.tif")), Code::not_found);
  EXPECT_EQ(code(roots.resolve("door/b.tif")), Code::not_found);
  EXPECT_EQ(code(roots.resolve("loop")), Code::not_found);
  const Roots both = make({{data, top.path("other")}, "", ""});
  EXPECT_EQ(both.resolve("door/b.tif"), top.path("other/b.tif"));  // leaves one root for another
}

TEST_F(RootsTest, a_root_that_is_a_link_is_followed) {
  std::filesystem::create_directory_symlink(data, top.path("link"));
  const Roots roots = make({{top.path("link")}, "", ""});
  EXPECT_EQ(roots.resolve("slices/a.tif"), data + "/slices/a.tif");
}

TEST_F(RootsTest, the_prefix_goes_in_front_as_text) {
  const Roots directory = make({{}, data + "/", ""});
  EXPECT_EQ(directory.directories(), std::vector<std::string>{data});
  EXPECT_EQ(directory.resolve("slices/a.tif"), data + "/slices/a.tif");
  EXPECT_EQ(directory.resolve("/slices/a.tif"), data + "/slices/a.tif");
  const Roots stem = make({{}, data + "/slices/S28_", ".tif"});
  EXPECT_EQ(stem.resolve("041"), data + "/slices/S28_041.tif");
  EXPECT_EQ(stem.resolve("041.tif"), data + "/slices/S28_041.tif");  // with its suffix already
  EXPECT_EQ(code(stem.resolve("/../../other/b")), Code::not_found);
  // A prefix does not open what the roots do not hold.
  const Roots narrow = make({{data}, top.path("other/"), ""});
  EXPECT_EQ(code(narrow.resolve("b.tif")), Code::not_found);
}

TEST_F(RootsTest, only_files_and_directories) {
  ASSERT_EQ(::mkfifo((data + "/pipe").c_str(), 0600), 0);
  const Roots roots = make({{data}, "", ""});
  EXPECT_EQ(code(roots.resolve("pipe")), Code::not_found);
}

TEST_F(RootsTest, the_log_learns_what_would_allow_it_and_the_client_does_not) {
  const Roots roots = make({{data}, "", ""});
  const auto refused = roots.resolve(top.path("other/b.tif"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().context.find("--root " + top.path("other") + " "), std::string::npos)
      << refused.error().context;
  EXPECT_NE(refused.error().context.find("FILESYSTEM_PREFIX"), std::string::npos);
  EXPECT_EQ(refused.error().message, "no such picture");
  // A missing file and one outside look the same to the client.
  EXPECT_EQ(roots.resolve("none.tif").error().message, refused.error().message);
  EXPECT_EQ(roots.resolve("a\nfake log line").error().context.find('\n'), std::string::npos);
  const auto nothing = make({{}, "", ""}).resolve("a.tif");
  EXPECT_NE(nothing.error().context.find("--root"), std::string::npos);
}

TEST_F(RootsTest, directories_must_exist) {
  EXPECT_EQ(Roots::make({{top.path("none")}, "", ""}).error().code, Code::bad_request);
  EXPECT_EQ(Roots::make({{data + "/slices/a.tif"}, "", ""}).error().code, Code::bad_request);
}

}  // namespace
}  // namespace microtome::io
