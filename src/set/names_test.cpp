// SPDX-License-Identifier: Apache-2.0
#include "set/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace microtome::set {
namespace {

TEST(Names, KnowPicturesByTheirExtension) {
  for (const char* name : {"a.tif", "a.TIFF", "slide.svs", "x.jpeg", "x.J2K", "a.ome.tif", "b.webp"}) {
    EXPECT_TRUE(is_picture_name(name)) << name;
  }
  for (const char* name : {"", "tif", ".tif", ".hidden.png", "a.png.part", "set.toml", "a.txt", "._a.jpg", "a."}) {
    EXPECT_FALSE(is_picture_name(name)) << name;
  }
}

TEST(Names, StandInNaturalOrder) {
  std::vector<std::string> names{
      "texture-10.png", "texture-9.png", "Texture-1.png", "texture-009.png", "a", "texture", ""};
  std::ranges::sort(names, natural_less);
  EXPECT_EQ(names, (std::vector<std::string>{"", "a", "texture", "Texture-1.png", "texture-009.png", "texture-9.png",
                                             "texture-10.png"}));
}

TEST(Names, CompareRunsOfAnyLength) {
  EXPECT_TRUE(natural_less("s99999999999999999999998", "s99999999999999999999999"));
  EXPECT_TRUE(natural_less("s9", "s99999999999999999999999"));
  EXPECT_FALSE(natural_less("s1", "s1"));
}

TEST(Names, HaveAStem) {
  EXPECT_EQ(stem_of("slices/s041.tif"), "s041");
  EXPECT_EQ(stem_of("a.ome.tif"), "a");
  EXPECT_EQ(stem_of(".ome.tif"), ".ome");
  EXPECT_EQ(stem_of("a.b.png"), "a.b");
  EXPECT_EQ(stem_of("noextension"), "noextension");
}

TEST(Names, HaveAShape) {
  const Shape shape = shape_of("S2897L_pyr_0041");
  EXPECT_EQ(shape.skeleton, "S\x01L_pyr_\x01");
  EXPECT_EQ(shape.values, (std::vector<std::int64_t>{2897, 41}));
  EXPECT_EQ(shape_of("s1234567890123456789").values.size(), 0U) << "too long for a number: text";
}

TEST(Names, FollowTheFilenamePattern) {
  const auto position = position_of("eye_pyr_012_090", "_pyr_");
  ASSERT_TRUE(position);
  EXPECT_EQ(position->name, "eye");
  EXPECT_EQ(position->horizontal, 12);
  EXPECT_EQ(position->vertical, 90);
  EXPECT_FALSE(position_of("S2897L_pyr_0041", "_pyr_")) << "no vertical position";
  EXPECT_FALSE(position_of("_pyr_000_090", "_pyr_")) << "no name";
  EXPECT_FALSE(position_of("eye_pyr_000_090x", "_pyr_"));
  EXPECT_FALSE(position_of("eye_pyr__090", "_pyr_"));
  EXPECT_FALSE(position_of("eye_000_090", ""));
}

}  // namespace
}  // namespace microtome::set
