// SPDX-License-Identifier: Apache-2.0
#include "engine/watermark.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace microtome::engine {
namespace {

Watermark white(int width, int height, double opacity, double probability) {
  Watermark mark{pixel::Image::make(width, height, 4, pixel::Colour::rgba), opacity, probability, 1};
  std::ranges::fill(mark.image.data, 255);
  return mark;
}

int touched(const pixel::Image& image) {
  return static_cast<int>(std::ranges::count_if(image.data, [](int value) { return value != 0; })) / image.channels;
}

TEST(Watermark, LiesWholeWithinThePictureAtAPlaceOfItsOwn) {
  bool moved = false;
  auto first = pixel::Image().data;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    pixel::Image image = pixel::Image::make(40, 30, 3, pixel::Colour::rgb);
    stamp(image, white(10, 5, 1, 1), seed);
    EXPECT_EQ(touched(image), 50) << seed;
    moved = moved || (seed > 0 && image.data != first);
    first = seed == 0 ? image.data : first;
  }
  EXPECT_TRUE(moved);
}

TEST(Watermark, IsCutByASmallerPicture) {
  pixel::Image image = pixel::Image::make(4, 3, 1, pixel::Colour::grey);
  stamp(image, white(10, 5, 0.5, 1), 7);
  EXPECT_EQ(touched(image), 12);
  EXPECT_EQ(image.row(0)[0], 128);
}

TEST(Watermark, IsOnAsManyPicturesAsItShouldBe) {
  int marked = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    pixel::Image image = pixel::Image::make(2, 2, 3, pixel::Colour::rgb);
    stamp(image, white(1, 1, 1, 0.25), seed);
    marked += touched(image) > 0 ? 1 : 0;
  }
  EXPECT_NEAR(marked, 250, 50);
}

TEST(Watermark, MakesWhatItCoversOpaque) {
  pixel::Image image = pixel::Image::make(1, 1, 4, pixel::Colour::rgba);
  stamp(image, white(1, 1, 1, 1), 3);
  EXPECT_EQ(image.row(0)[3], 255);
  pixel::Image deep = pixel::Image::make(1, 1, 1, pixel::Colour::grey, pixel::Sample::u16);
  stamp(deep, white(1, 1, 1, 1), 3);
  EXPECT_EQ(deep.data, std::vector<std::uint8_t>(2, 0)) << "16 bits are left alone";
}

}  // namespace
}  // namespace microtome::engine
