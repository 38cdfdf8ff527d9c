// SPDX-License-Identifier: Apache-2.0
#include "engine/look.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace microtome::engine {
namespace {

// Grey pictures drawn as text, one letter a pixel, rows apart by "/".
pixel::Image drawn(std::string_view text) {
  const std::size_t width = std::min(text.find('/'), text.size());
  const auto height = (text.size() + 1) / (width + 1);
  pixel::Image image = pixel::Image::make(static_cast<int>(width), static_cast<int>(height), 1, pixel::Colour::grey);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      image.row(static_cast<int>(y))[x] = static_cast<std::uint8_t>(text[y * (width + 1) + x]);
    }
  }
  return image;
}

std::string text_of(const pixel::Image& image) {
  std::string text;
  for (int y = 0; y < image.height; ++y) {
    text += y > 0 ? "/" : "";
    for (int x = 0; x < image.width; ++x) {
      text += static_cast<char>(image.row(y)[static_cast<std::ptrdiff_t>(x) * image.channels]);
    }
  }
  return text;
}

std::string turned(double rotation, bool mirror) {
  Look look;
  look.rotation = rotation;
  look.mirror = mirror;
  return text_of(*apply_look(drawn("abc/def"), look, {}, false));
}

TEST(Look, TurnsClockwiseByQuarters) {
  EXPECT_EQ(turned(0, false), "abc/def");
  EXPECT_EQ(turned(90, false), "da/eb/fc");
  EXPECT_EQ(turned(180, false), "fed/cba");
  EXPECT_EQ(turned(270, false), "cf/be/ad");
}

TEST(Look, MirrorsBeforeItTurns) {
  EXPECT_EQ(turned(0, true), "cba/fed");
  EXPECT_EQ(turned(90, true), "fc/eb/da");
  EXPECT_EQ(turned(180, true), "def/abc");
  EXPECT_EQ(turned(270, true), "ad/be/cf");
}

TEST(Look, TurnsLargePicturesOfAnyChannelsPixelByPixel) {
  for (const int channels : {1, 2, 3, 4}) {
    pixel::Image image =
        pixel::Image::make(131, 70, channels, channels <= 2 ? pixel::Colour::grey_alpha : pixel::Colour::rgba);
    for (std::size_t i = 0; i < image.data.size(); ++i) {
      image.data[i] = static_cast<std::uint8_t>(i * 2654435761U >> 13);
    }
    Look look;
    look.rotation = 90;
    const auto out = apply_look(image, look, {}, true);
    ASSERT_TRUE(out);
    ASSERT_EQ(out->width, 70);
    ASSERT_EQ(out->height, 131);
    for (int y = 0; y < out->height; ++y) {
      for (int x = 0; x < out->width; ++x) {
        for (int c = 0; c < channels; ++c) {
          ASSERT_EQ(out->row(y)[x * channels + c], image.row(69 - x)[y * channels + c]);
        }
      }
    }
  }
}

TEST(Look, NearlyAQuarterLooksLikeAQuarter) {
  pixel::Image image = pixel::Image::make(40, 20, 3, pixel::Colour::rgb);
  for (int y = 0; y < 20; ++y) {
    for (int x = 0; x < 40; ++x) {
      image.row(y)[3 * x] = static_cast<std::uint8_t>(6 * x);
      image.row(y)[3 * x + 1] = static_cast<std::uint8_t>(12 * y);
    }
  }
  for (const bool mirror : {false, true}) {
    for (const double quarter : {0.0, 90.0, 180.0, 270.0}) {
      Look look;
      look.mirror = mirror;
      look.rotation = quarter;
      const auto exact = apply_look(image, look, {}, false);
      look.rotation += 0.001;
      const auto near = apply_look(image, look, {}, false);
      ASSERT_TRUE(exact && near);
      const int left = (near->width - exact->width) / 2;
      const int top = (near->height - exact->height) / 2;
      for (int y = 3; y < exact->height - 3; ++y) {
        for (int x = 3; x < exact->width - 3; ++x) {
          for (int c = 0; c < 2; ++c) {
            ASSERT_NEAR(near->row(y + top)[3 * (x + left) + c], exact->row(y)[3 * x + c], 13) << quarter << mirror;
          }
        }
      }
    }
  }
}

TEST(Look, WhatLiesBesideATurnedPictureIsTransparentOrBlack) {
  pixel::Image image = pixel::Image::make(100, 100, 3, pixel::Colour::rgb);
  Look look;
  look.rotation = 45;
  const auto clear = apply_look(image, look, {}, true);
  ASSERT_TRUE(clear);
  EXPECT_EQ(clear->width, 142);
  EXPECT_EQ(clear->height, 142);
  ASSERT_EQ(clear->channels, 4);
  EXPECT_EQ(clear->row(0)[3], 0);
  EXPECT_EQ(clear->row(71)[4 * 71 + 3], 255);
  std::ranges::fill(image.data, 200);
  const auto black = apply_look(image, look, {255, 254, 253}, false);
  ASSERT_TRUE(black);
  ASSERT_EQ(black->channels, 3);
  EXPECT_EQ(black->row(0)[0], 0);
  EXPECT_EQ(black->row(0)[2], 0);
  EXPECT_EQ(black->row(71)[3 * 71], 200);
}

TEST(Look, SizesOfTurnedPictures) {
  EXPECT_EQ(turned_size(300, 200, 180).width, 300);
  EXPECT_EQ(turned_size(300, 200, 270).width, 200);
  EXPECT_EQ(turned_size(300, 200, 30).width, 360);   // 259.8 + 100
  EXPECT_EQ(turned_size(300, 200, 30).height, 324);  // 150 + 173.2
}

TEST(Look, TakesColourAway) {
  pixel::Image image = pixel::Image::make(2, 1, 3, pixel::Colour::rgb);
  image.data = {255, 0, 0, 200, 200, 200};
  Look look;
  look.tone = Look::Tone::grey;
  const auto grey = apply_look(image, look, {}, false);
  ASSERT_TRUE(grey);
  ASSERT_EQ(grey->colour, pixel::Colour::grey);
  EXPECT_NEAR(grey->data[0], 76, 1);
  EXPECT_NEAR(grey->data[1], 200, 1);
  look.tone = Look::Tone::bitonal;
  const auto bitonal = apply_look(image, look, {}, false);
  ASSERT_TRUE(bitonal);
  EXPECT_EQ(bitonal->data[0], 0);
  EXPECT_EQ(bitonal->data[1], 255);
}

TEST(Look, GreyKeepsAlphaAndBitonalLosesIt) {
  pixel::Image image = pixel::Image::make(1, 1, 4, pixel::Colour::rgba);
  image.data = {0, 0, 0, 0};
  Look look;
  look.tone = Look::Tone::grey;
  EXPECT_EQ(apply_look(image, look, {}, true)->colour, pixel::Colour::grey_alpha);
  look.tone = Look::Tone::bitonal;
  const auto bitonal = apply_look(image, look, {}, true);
  ASSERT_EQ(bitonal->colour, pixel::Colour::grey);
  EXPECT_EQ(bitonal->data[0], 255);  // nothing over white
}

}  // namespace
}  // namespace microtome::engine
