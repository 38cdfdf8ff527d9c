// SPDX-License-Identifier: Apache-2.0
#include "set/sequence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace microtome::set {
namespace {

using Names = std::vector<std::string_view>;

// "stem: 1=a.png 2=b.png; stem2: ..." so that a test shows what goes in and what comes out.
std::string shown(const Names& names, std::string_view pattern = "_pyr_") {
  std::string text;
  for (const Sequence& sequence : find_sequences(names, pattern)) {
    text += text.empty() ? "" : "; ";
    text += sequence.stem + ":";
    for (const Member& member : sequence.members) {
      text += " " + std::to_string(member.number) + "=" + std::string(names[member.file]);
    }
  }
  return text;
}

TEST(Sequences, TakeNumbersPaddedOrNot) {
  EXPECT_EQ(shown({"texture-10.png", "texture-9.png", "texture-11.png"}),
            ": 9=texture-9.png 10=texture-10.png 11=texture-11.png");
  EXPECT_EQ(shown({"S2897L_pyr_0041.tif", "S2897L_pyr_0040.tif"}), ": 40=S2897L_pyr_0040.tif 41=S2897L_pyr_0041.tif");
}

TEST(Sequences, TakeTheRunThatDiffersEverywhere) {
  EXPECT_EQ(shown({"641_2002_2567_NM01_s104.png", "641_2002_2568_NM01_s004.png", "641_2002_2568_NM01_s014.png"}),
            ": 4=641_2002_2568_NM01_s004.png 14=641_2002_2568_NM01_s014.png 104=641_2002_2567_NM01_s104.png");
}

TEST(Sequences, PreferTheRegularRunToATimeOfDay) {
  EXPECT_EQ(shown({"s1_120000.tif", "s2_120107.tif", "s3_120333.tif", "s4_120340.tif"}),
            ": 1=s1_120000.tif 2=s2_120107.tif 3=s3_120333.tif 4=s4_120340.tif");
}

TEST(Sequences, SplitAFolderOfTwoSeries) {
  EXPECT_EQ(
      shown({"eye1_s001.tif", "eye1_s002.tif", "eye1_s003.tif", "eye2_s001.tif", "eye2_s002.tif", "eye2_s003.tif"}),
      "eye1_s: 1=eye1_s001.tif 2=eye1_s002.tif 3=eye1_s003.tif; "
      "eye2_s: 1=eye2_s001.tif 2=eye2_s002.tif 3=eye2_s003.tif");
  EXPECT_EQ(shown({"L_1.tif", "L_2.tif", "L_3.tif", "R_1.tif", "R_2.tif", "R_3.tif"}),
            "L: 1=L_1.tif 2=L_2.tif 3=L_3.tif; R: 1=R_1.tif 2=R_2.tif 3=R_3.tif");
}

TEST(Sequences, LoseNothing) {
  EXPECT_EQ(shown({"s1.tif", "s2.tif", "s2.jpg", "s3.tif", "overview.jpg", "label.png"}),
            ": 1=s1.tif 2=s2.tif 3=s3.tif; others: 1=label.png 2=overview.jpg 3=s2.jpg");
}

TEST(Sequences, NumberSinglePicturesByName) {
  EXPECT_EQ(shown({"retina.jpg", "ihc.png", "x.svs"}), ": 1=ihc.png 2=retina.jpg 3=x.svs");
  EXPECT_EQ(shown({"a1.png", "b7.png"}), ": 1=a1.png 2=b7.png");
  EXPECT_EQ(shown({"a1.png", "a2.png"}), ": 1=a1.png 2=a2.png");
  EXPECT_EQ(shown({"a.png", "a.tif"}), ": 1=a.png 2=a.tif");
}

TEST(Sequences, KeepTheNumberOfALoneSlice) {
  EXPECT_EQ(shown({"S2897L_pyr_0041.tif"}), ": 41=S2897L_pyr_0041.tif");
  EXPECT_EQ(shown({"retina.jpg"}), ": 1=retina.jpg");
  EXPECT_EQ(shown({"CMU-1-Small-Region.svs"}), ": 1=CMU-1-Small-Region.svs");
  EXPECT_EQ(shown({"eye_pyr_012_090.tif"}), ": 12=eye_pyr_012_090.tif");
}

TEST(Sequences, PreferVertical90) {
  EXPECT_EQ(shown({"e_pyr_000_045.tif", "e_pyr_000_090.tif", "e_pyr_010_045.tif", "e_pyr_010_000.tif"}),
            ": 0=e_pyr_000_090.tif 10=e_pyr_010_045.tif");
}

TEST(Sequences, FollowTheGivenPattern) {
  EXPECT_EQ(shown({"e-at-1_90.tif", "e-at-2_90.tif"}, "-at-"), ": 1=e-at-1_90.tif 2=e-at-2_90.tif");
}

TEST(Sequences, TakeAnyBytes) {
  EXPECT_EQ(shown({"a\x01.png", "a1.png", "a2.png"}), ": 1=a\x01.png 2=a1.png 3=a2.png");
}

TEST(Sequences, OfNothingAreNone) {
  EXPECT_EQ(shown({}), "");
}

TEST(Gaps, LieOnTheNaturalStep) {
  const std::vector<std::int64_t> numbers{4, 14, 24, 34, 39, 44, 49, 54, 59, 64};
  EXPECT_EQ(common_step(numbers), 5);
  EXPECT_EQ(missing_numbers(numbers, 5), (std::vector<std::int64_t>{9, 19, 29}));
}

TEST(Gaps, OfFiveThousandSlicesAreTheThreeMissing) {
  std::vector<std::int64_t> numbers(5003);
  std::iota(numbers.begin(), numbers.end(), 1);
  std::erase_if(numbers, [](std::int64_t number) { return number == 7 || number == 8 || number == 4000; });
  ASSERT_EQ(numbers.size(), 5000U);
  EXPECT_EQ(missing_numbers(numbers, common_step(numbers)), (std::vector<std::int64_t>{7, 8, 4000}));
}

TEST(Gaps, AreNotSeenWhereThereIsNoStep) {
  EXPECT_EQ(common_step({1, 17, 40, 99, 251}), 0);
  EXPECT_TRUE(missing_numbers({1, 17, 40, 99, 251}, 0).empty());
  EXPECT_TRUE(missing_numbers({3, 900}, common_step({3, 900})).empty());
}

TEST(Gaps, EndWhereAnotherNumberingBegins) {
  EXPECT_TRUE(missing_numbers({1, 2, 3, 4, 100000}, 1).empty());
  EXPECT_EQ(missing_numbers({1, 2, 3, 4, 104}, 1).size(), 99U);
}

TEST(Gaps, AreRoundedToTheStep) {
  EXPECT_EQ(missing_numbers({0, 5, 10, 17, 22, 27, 34}, 5), std::vector<std::int64_t>{})
      << "17 and 34 stand a little off";
  EXPECT_EQ(missing_numbers({0, 5, 10, 18, 23}, 5), std::vector<std::int64_t>{15});
}

}  // namespace
}  // namespace microtome::set
