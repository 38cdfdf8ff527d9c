// SPDX-License-Identifier: Apache-2.0
#include "codec/icc.hpp"

#include <gtest/gtest.h>
#include <lcms2.h>

#include <algorithm>
#include <array>

#include "codec/ink_profile_for_test.hpp"

namespace microtome::codec {
namespace {

// sRGB's primaries in another order: red and blue change places.
Bytes swapped_profile() {
  const cmsCIExyYTRIPLE primaries{{0.15, 0.06, 1}, {0.30, 0.60, 1}, {0.64, 0.33, 1}};
  const cmsCIExyY white{0.3127, 0.3290, 1};
  cmsHPROFILE srgb = cmsCreate_sRGBProfile();
  auto* curve = static_cast<cmsToneCurve*>(cmsReadTag(srgb, cmsSigGreenTRCTag));
  const std::array<cmsToneCurve*, 3> curves{curve, curve, curve};
  cmsHPROFILE profile = cmsCreateRGBProfile(&white, &primaries, curves.data());
  cmsUInt32Number size = 0;
  cmsSaveProfileToMem(profile, nullptr, &size);
  Bytes bytes(size);
  cmsSaveProfileToMem(profile, bytes.data(), &size);
  cmsCloseProfile(profile);
  cmsCloseProfile(srgb);
  return bytes;
}

pixel::Image filled(int channels, pixel::Colour colour, std::array<std::uint8_t, 4> value) {
  pixel::Image image = pixel::Image::make(3, 2, channels, colour);
  for (std::size_t i = 0; i < image.data.size(); ++i) {
    image.data[i] = value[i % static_cast<std::size_t>(channels)];
  }
  return image;
}

TEST(Icc, ColoursBecomeThoseOfSrgb) {
  pixel::Image image = filled(3, pixel::Colour::rgb, {200, 90, 40, 0});
  ASSERT_TRUE(to_srgb(image, swapped_profile()));
  EXPECT_NEAR(image.row(1)[6], 40, 2);
  EXPECT_NEAR(image.row(1)[7], 90, 2);
  EXPECT_NEAR(image.row(1)[8], 200, 2);
}

TEST(Icc, AlphaStays) {
  pixel::Image image = filled(4, pixel::Colour::rgba, {200, 90, 40, 77});
  ASSERT_TRUE(to_srgb(image, swapped_profile()));
  EXPECT_NEAR(image.row(0)[0], 40, 2);
  EXPECT_EQ(image.row(0)[3], 77);
}

TEST(Icc, WhatDoesNotFitIsLeftAlone) {
  const pixel::Image before = filled(3, pixel::Colour::rgb, {200, 90, 40, 0});
  pixel::Image image = before;
  EXPECT_FALSE(to_srgb(image, Bytes(200, 7))) << "no profile";
  EXPECT_FALSE(to_srgb(image, {}));
  Bytes cut = swapped_profile();
  cut.resize(cut.size() / 2);
  static_cast<void>(to_srgb(image, cut));  // must not crash
  image = before;
  EXPECT_EQ(image.data, before.data);
  pixel::Image grey = filled(1, pixel::Colour::grey, {200, 0, 0, 0});
  EXPECT_FALSE(to_srgb(grey, swapped_profile())) << "a profile of other colours";
  EXPECT_EQ(grey.data[0], 200);
}

TEST(InkProfile, InksBecomeWhatTheyLookLike) {
  const Bytes bytes = test::ink_profile();
  ASSERT_FALSE(bytes.empty());
  const auto profile = InkProfile::make(bytes);
  ASSERT_NE(profile, nullptr);
  for (const std::array<std::uint8_t, 4> ink :
       {std::array<std::uint8_t, 4>{0, 0, 0, 0}, {255, 0, 0, 0}, {0, 200, 0, 0}, {10, 60, 200, 30}, {0, 0, 0, 255}}) {
    const auto expected = test::seen_as(bytes, ink);
    const pixel::Image inks = filled(4, pixel::Colour::cmyk, ink);
    pixel::Image rgb;
    ASSERT_TRUE(profile->to_rgb(inks, false, rgb));
    pixel::Image turned = inks;
    for (auto& sample : turned.data) {
      sample = static_cast<std::uint8_t>(255 - sample);
    }
    pixel::Image again;
    ASSERT_TRUE(profile->to_rgb(turned, true, again));
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(rgb.row(1)[3 + c], expected.at(c), 3);
      EXPECT_NEAR(again.row(1)[3 + c], expected.at(c), 3);
    }
  }
  EXPECT_GT(profile->memory(), bytes.size());
}

TEST(InkProfile, WhatIsNoneSaysSo) {
  pixel::Image rgb;
  const pixel::Image inks = filled(4, pixel::Colour::cmyk, {1, 2, 3, 4});
  EXPECT_EQ(InkProfile::make({}), nullptr);
  EXPECT_FALSE(InkProfile::make(Bytes(300, 9))->to_rgb(inks, false, rgb));
  EXPECT_FALSE(InkProfile::make(swapped_profile())->to_rgb(inks, false, rgb)) << "a profile of RGB";
  EXPECT_FALSE(InkProfile::make(test::ink_profile())->to_rgb(filled(3, pixel::Colour::rgb, {}), false, rgb));
  Bytes cut = test::ink_profile();
  cut.resize(cut.size() / 2);
  static_cast<void>(InkProfile::make(cut)->to_rgb(inks, false, rgb));  // must not crash
}

}  // namespace
}  // namespace microtome::codec
