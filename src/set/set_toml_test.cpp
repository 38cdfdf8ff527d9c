// SPDX-License-Identifier: Apache-2.0
#include "set/set_toml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace microtome::set {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(SetToml, SaysAllThatThereIsToSay) {
  const SetToml toml = parse_set_toml(R"(
name = "S2897L"
title = "Left eye"
pixel_size_um = 0.6
spacing_um = 5
step = 5
[[slice]]
number = 41
file = "slices/41.svs"
name = "forty-one"
z_um = 205.0
transform = [1, 0, 10.5, 0, 1, -3]
status = "damaged"
)");
  EXPECT_EQ(toml.warnings, std::vector<std::string>{});
  EXPECT_EQ(toml.name, "S2897L");
  EXPECT_EQ(toml.title, "Left eye");
  EXPECT_EQ(toml.pixel_size_um, 0.6);
  EXPECT_EQ(toml.spacing_um, 5.0);
  EXPECT_EQ(toml.step, 5);
  ASSERT_EQ(toml.slices.size(), 1U);
  const TomlSlice& slice = toml.slices.front();
  EXPECT_EQ(slice.number, 41);
  EXPECT_EQ(slice.file, "slices/41.svs");
  EXPECT_EQ(slice.name, "forty-one");
  EXPECT_EQ(slice.z_um, 205.0);
  EXPECT_EQ(slice.transform, (Affine{1, 0, 10.5, 0, 1, -3}));
  EXPECT_EQ(slice.status, Status::damaged);
}

TEST(SetToml, NamesTheLineOfEveryFault) {
  const SetToml toml = parse_set_toml(R"(name = "a/../b"
pixel_size_um = -1
spacing_um = inf
unknown = 1
[[slice]]
number = 1
transform = [1, 2, 3]
[[slice]]
number = "two"
[[slice]]
number = 3
status = "gone"
transform = [1, 1, 0, 1, 1, 0]
)");
  EXPECT_THAT(
      toml.warnings,
      testing::UnorderedElementsAre(
          "set.toml:1: name cannot be used in a link", "set.toml:2: pixel_size_um needs a number above 0",
          "set.toml:3: spacing_um needs a number", "set.toml:4: unknown key \"unknown\"",
          "set.toml:7: transform needs six numbers", "set.toml:9: number needs a whole number",
          "set.toml:8: a slice needs a number or a file", "set.toml:12: status is \"ok\", \"damaged\" or \"missing\"",
          "set.toml:13: transform squeezes the slice to a line"));
  EXPECT_EQ(toml.name, "");
  EXPECT_FALSE(toml.pixel_size_um);
  EXPECT_EQ(toml.slices.size(), 2U);
}

TEST(SetToml, ThatDoesNotParseIsOneWarning) {
  const SetToml toml = parse_set_toml("name = \"x\"\nspacing_um = = 5\n");
  EXPECT_THAT(toml.warnings, ElementsAre(StartsWith("set.toml:2: ")));
  EXPECT_EQ(toml.name, "");
}

TEST(SetToml, SurvivesWhatItsParserDoesNotExpect) {
  EXPECT_THAT(parse_set_toml("name = \"x\"\n\n[~x]\nstep = 1\n").warnings,
              ElementsAre("set.toml:3: this line is not TOML"));
  EXPECT_THAT(parse_set_toml("[[~").warnings, ElementsAre("set.toml:1: this line is not TOML"));
}

TEST(SetToml, MayHoldAnyLettersAnywhere) {
  EXPECT_EQ(parse_set_toml("title = \"\xc3\x9c\xd1\x9d\xed\x8b\xac\" # \xc2\xa1\n").title,
            "\xc3\x9c\xd1\x9d\xed\x8b\xac");
  for (const char* letter :
       {"\xc2\xa1", "\xd1\x9d", "\xe2\xb3\x8f", "\xed\x8b\xac", "\xef\xb8\x80", "\xe2\x80\x83"}) {
    EXPECT_EQ(parse_set_toml("title = " + std::string(letter)).title, "") << letter;
    EXPECT_EQ(parse_set_toml(std::string(letter) + " = 3").warnings.size(), 1U) << letter;
  }
}

TEST(SetToml, OfTheWrongKindIsRefused) {
  EXPECT_THAT(parse_set_toml("slice = 4").warnings, ElementsAre(HasSubstr("[[slice]]")));
  EXPECT_THAT(parse_set_toml("slice = [4]").warnings, ElementsAre(HasSubstr("[[slice]]")));
  EXPECT_THAT(parse_set_toml("name = 4").warnings, ElementsAre(HasSubstr("text in quotes")));
  EXPECT_THAT(parse_set_toml(std::string(kMostTomlBytes + 1, ' ')).warnings, ElementsAre(HasSubstr("too large")));
}

TEST(SetNames, FitIntoLinks) {
  EXPECT_TRUE(is_set_name("S2897L"));
  EXPECT_TRUE(is_set_name("a/b c/\xc3\xbc"));
  for (const char* name : {"", "/a", "a/", "a//b", ".", "a/..", "a\nb"}) {
    EXPECT_FALSE(is_set_name(name)) << name;
  }
}

}  // namespace
}  // namespace microtome::set
