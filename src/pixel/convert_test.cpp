// SPDX-License-Identifier: Apache-2.0
#include "pixel/convert.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

namespace microtome::pixel {
namespace {

using Values = std::vector<std::uint8_t>;

template <class T>
Image row_of(std::initializer_list<T> values, int channels, Colour colour, Sample sample) {
  Image image = Image::make(static_cast<int>(values.size()) / channels, 1, channels, colour, sample);
  std::memcpy(image.data.data(), values.begin(), image.data.size());
  return image;
}

Image bytes(std::initializer_list<std::uint8_t> values, int channels, Colour colour) {
  return row_of(values, channels, colour, Sample::u8);
}

TEST(Convert, ToEightBits) {
  EXPECT_EQ(to_u8(row_of<std::uint16_t>({0, 255, 256, 65535}, 1, Colour::grey, Sample::u16)).data,
            (Values{0, 0, 1, 255}));
  EXPECT_EQ(to_u8(row_of<std::uint32_t>({0, 0x01FFFFFF, 0xFFFFFFFF}, 1, Colour::grey, Sample::u32)).data,
            (Values{0, 1, 255}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(to_u8(row_of<float>({-1, 0, 0.5F, 1, 7, nan}, 1, Colour::grey, Sample::f32)).data,
            (Values{0, 0, 128, 255, 255, 0}));
  EXPECT_EQ(to_u8(row_of<double>({0.25, 2}, 1, Colour::grey, Sample::f64)).data, (Values{64, 255}));
}

TEST(Convert, Windows) {
  const Image wide = row_of<std::uint16_t>({100, 200, 250, 300, 400}, 1, Colour::grey, Sample::u16);
  EXPECT_EQ(to_u8(wide, {200, 300}).data, (Values{0, 0, 128, 255, 255}));
  EXPECT_EQ(to_u8(wide, {300, 200}).data, (Values{255, 255, 128, 0, 0})) << "inverted";
  EXPECT_EQ(to_u8(wide, {200, 200}).data, (Values{0, 0, 0, 0, 0})) << "empty";
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(to_u8(row_of<double>({-3, 0, 3, nan}, 1, Colour::grey, Sample::f64), {-3, 3}).data,
            (Values{0, 128, 255, 0}));
  EXPECT_EQ(to_u8(row_of<std::uint16_t>({300, 65535}, 2, Colour::grey_alpha, Sample::u16), {200, 400}).data,
            (Values{128, 255}))
      << "alpha keeps its range";
}

TEST(Convert, ComposesOverABackground) {
  EXPECT_EQ(compose(bytes({10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128}, 4, Colour::rgba), {255, 0, 100}).data,
            (Values{10, 20, 30, 255, 0, 100, 127, 0, 50}));
  const Image grey = compose(bytes({0, 0, 50, 255}, 2, Colour::grey_alpha), {255, 255, 255});
  EXPECT_EQ(grey.data, (Values{255, 50}));
  EXPECT_EQ(grey.colour, Colour::grey);
  EXPECT_EQ(compose(bytes({1, 2, 3}, 3, Colour::rgb), {0, 0, 0}).data, (Values{1, 2, 3}));
}

TEST(Convert, GreyAndColour) {
  EXPECT_EQ(to_grey(bytes({255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255}, 3, Colour::rgb)).data,
            (Values{255, 76, 150, 29}));
  EXPECT_EQ(to_rgb(bytes({7, 9}, 1, Colour::grey)).data, (Values{7, 7, 7, 9, 9, 9}));
  EXPECT_EQ(to_rgba(bytes({7, 9}, 2, Colour::grey_alpha)).data, (Values{7, 7, 7, 9}));
  EXPECT_EQ(to_rgb(bytes({0, 255, 0, 0, 0, 0, 0, 255}, 4, Colour::cmyk)).data, (Values{255, 0, 255, 0, 0, 0}));
  EXPECT_EQ(to_grey(bytes({1, 2, 3, 4, 5}, 5, Colour::multi)).data, (Values{1}));
  EXPECT_EQ(to_rgb(bytes({1, 2, 3, 4, 5}, 5, Colour::multi)).data, (Values{1, 2, 3}));
  EXPECT_EQ(to_rgb(bytes({1, 2}, 2, Colour::multi)).data, (Values{1, 1, 1}));
  const Image wide = to_grey(row_of<std::uint16_t>({65535, 65535, 65535}, 3, Colour::rgb, Sample::u16));
  EXPECT_EQ(wide.sample, Sample::u16);
  EXPECT_EQ(wide.data, (Values{255, 255}));
}

TEST(Convert, AddsAndDropsAlphaInLongRows) {
  for (const int width : {1, 15, 16, 33, 200}) {
    Image image = Image::make(width, 3, 3, Colour::rgb);
    for (std::size_t i = 0; i < image.data.size(); ++i) {
      image.data[i] = static_cast<std::uint8_t>(i * 7);
    }
    const Image four = to_rgba(image);
    for (int x = 0; x < width; ++x) {
      ASSERT_EQ(four.row(2)[4 * x + 3], 255);
      ASSERT_EQ(four.row(2)[4 * x + 1], image.row(2)[3 * x + 1]);
    }
    EXPECT_EQ(to_rgb(four).data, image.data);
  }
}

TEST(Convert, ChannelsAndSwap) {
  Image image = bytes({1, 2, 3, 4, 5, 6}, 3, Colour::rgb);
  EXPECT_EQ(take_channel(image, 1).data, (Values{2, 5}));
  EXPECT_EQ(take_channel(image, 3).width, 0);
  EXPECT_EQ(take_channel(image, -1).width, 0);
  swap_red_blue(image);
  EXPECT_EQ(image.data, (Values{3, 2, 1, 6, 5, 4}));
}

}  // namespace
}  // namespace microtome::pixel
