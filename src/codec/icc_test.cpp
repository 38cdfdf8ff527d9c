// SPDX-License-Identifier: Apache-2.0
#include "codec/icc.hpp"

#include <gtest/gtest.h>
#include <lcms2.h>

#include <algorithm>
#include <array>

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

}  // namespace
}  // namespace microtome::codec
