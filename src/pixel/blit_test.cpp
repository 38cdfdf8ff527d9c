// SPDX-License-Identifier: Apache-2.0
#include "pixel/blit.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "pixel/affine.hpp"

namespace microtome::pixel {
namespace {

using Values = std::vector<std::uint8_t>;

Image numbered(int width, int height) {
  Image image = Image::make(width, height, 1, Colour::grey);
  for (std::size_t i = 0; i < image.data.size(); ++i) {
    image.data[i] = static_cast<std::uint8_t>(i + 1);
  }
  return image;
}

TEST(Blit, Intersects) {
  EXPECT_EQ(intersect({0, 0, 10, 10}, {5, 6, 10, 10}), (Rect{5, 6, 5, 4}));
  EXPECT_EQ(intersect({0, 0, 10, 10}, {10, 0, 5, 5}), (Rect{}));
  EXPECT_EQ(intersect({0, 0, 10, 10}, {-5, -5, 5, 20}), (Rect{}));
  EXPECT_EQ(intersect({0, 0, 10, 10}, {3, 3, -1, 5}), (Rect{}));
  EXPECT_EQ(intersect({0, 0, 10, 10}, {2, 2, INT64_MAX, INT64_MAX}), (Rect{2, 2, 8, 8}));
  EXPECT_EQ(intersect({0, 0, 10, 10}, {INT64_MIN, 0, INT64_MAX, 5}), (Rect{}));
  EXPECT_EQ(intersect({0, 0, 10, 10}, {INT64_MIN, INT64_MIN, 5, 5}), (Rect{}));
}

TEST(Blit, PastesWithClipping) {
  Image target = Image::make(3, 3, 1, Colour::grey);
  EXPECT_TRUE(paste(target, numbered(2, 2), -1, -1));
  EXPECT_EQ(target.data, (Values{4, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(paste(target, numbered(2, 2), 2, 1));
  EXPECT_EQ(target.data, (Values{4, 0, 0, 0, 0, 1, 0, 0, 3}));
  const Image before = target;
  for (const std::int64_t far : {std::int64_t{3}, std::int64_t{-2}, INT64_MAX, INT64_MIN}) {
    EXPECT_TRUE(paste(target, numbered(2, 2), far, 0));
    EXPECT_TRUE(paste(target, numbered(2, 2), 0, far));
  }
  EXPECT_EQ(target.data, before.data);
  EXPECT_FALSE(paste(target, Image::make(1, 1, 3, Colour::rgb), 0, 0));
  EXPECT_FALSE(paste(target, Image::make(1, 1, 1, Colour::grey, Sample::u16), 0, 0));
}

TEST(Blit, PastesAPart) {
  Image target = Image::make(2, 2, 1, Colour::grey);
  EXPECT_TRUE(paste(target, numbered(3, 3), {1, 1, 5, 5}, 0, 0));
  EXPECT_EQ(target.data, (Values{5, 6, 8, 9}));
  target = Image::make(2, 2, 1, Colour::grey);
  EXPECT_TRUE(paste(target, numbered(3, 3), {-1, -1, 2, 2}, 0, 0));
  EXPECT_EQ(target.data, (Values{0, 0, 0, 1})) << "what lies outside the source stays as it was";
}

TEST(Blit, Crops) {
  EXPECT_EQ(crop(numbered(3, 3), {1, 0, 2, 2}).data, (Values{2, 3, 5, 6}));
  const Image corner = crop(numbered(3, 3), {2, 2, 9, 9});
  EXPECT_EQ(corner.width, 1);
  EXPECT_EQ(corner.data, (Values{9}));
  EXPECT_EQ(crop(numbered(3, 3), {5, 5, 2, 2}).width, 0);
}

TEST(Blit, Fills) {
  Image image = Image::make(2, 2, 3, Colour::rgb);
  fill(image, {1, -1, 5, 2}, Values{1, 2, 3});
  EXPECT_EQ(image.data, (Values{0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0}));
  fill(image, {0, 0, 2, 2}, Values{1});
  EXPECT_EQ(image.data[0], 0) << "a pixel of the wrong size is no pixel";
}

TEST(Affine, IdentityAndShift) {
  const Image image = numbered(5, 4);
  EXPECT_EQ(warp_affine(image, {}, 5, 4)->data, image.data);
  const auto shifted = warp_affine(image, {1, 0, 1, 0, 1, 2}, 5, 4, {0, 0, 0, 0});
  ASSERT_TRUE(shifted);
  EXPECT_EQ(shifted->row(0)[0], image.row(2)[1]);
  EXPECT_EQ(shifted->row(1)[3], image.row(3)[4]);
  EXPECT_EQ(shifted->row(1)[4], 0);
  EXPECT_EQ(shifted->row(2)[0], 0);
}

TEST(Affine, QuarterTurnIsExact) {
  const Image image = numbered(4, 3);
  const auto turned = warp_affine(image, {0, 1, 0, -1, 0, 3}, 3, 4);  // clockwise
  ASSERT_TRUE(turned);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 3; ++x) {
      EXPECT_EQ(turned->row(y)[x], image.row(2 - x)[y]);
    }
  }
}

TEST(Affine, EqualsBilinearInDoubles) {
  Image image = Image::make(40, 30, 3, Colour::rgb);
  for (std::size_t i = 0; i < image.data.size(); ++i) {
    image.data[i] = static_cast<std::uint8_t>(i * 37);
  }
  const Affine map{0.83, -0.41, 6.2, 0.37, 0.91, -3.3};
  const std::array<std::uint8_t, 4> back = {10, 20, 30, 0};
  const auto out = warp_affine(image, map, 700, 50, back);
  ASSERT_TRUE(out);
  const auto pixel = [&](int x, int y, int c) {
    return x < 0 || y < 0 || x >= 40 || y >= 30 ? back[c] : image.row(y)[x * 3 + c];
  };
  for (int y = 0; y < 50; ++y) {
    for (int x = 0; x < 700; ++x) {
      const double sx = map.a * (x + 0.5) + map.b * (y + 0.5) + map.c - 0.5;
      const double sy = map.d * (x + 0.5) + map.e * (y + 0.5) + map.f - 0.5;
      const int ix = static_cast<int>(std::floor(sx));
      const int iy = static_cast<int>(std::floor(sy));
      for (int c = 0; c < 3; ++c) {
        const double upper = pixel(ix, iy, c) * (ix + 1 - sx) + pixel(ix + 1, iy, c) * (sx - ix);
        const double lower = pixel(ix, iy + 1, c) * (ix + 1 - sx) + pixel(ix + 1, iy + 1, c) * (sx - ix);
        ASSERT_NEAR(out->row(y)[x * 3 + c], upper * (iy + 1 - sy) + lower * (sy - iy), 3.0) << x << "," << y;
      }
    }
  }
}

TEST(Affine, InverseUndoes) {
  const Affine map{0.8, -0.4, 6, 0.3, 0.9, -3};
  const Affine both = after(map, *inverse(map));
  EXPECT_NEAR(both.a, 1, 1e-12);
  EXPECT_NEAR(both.b, 0, 1e-12);
  EXPECT_NEAR(both.c, 0, 1e-12);
  EXPECT_NEAR(both.f, 0, 1e-12);
  EXPECT_EQ(inverse({1, 2, 0, 2, 4, 0}).error().code, Code::bad_request);
}

TEST(Affine, HugeAndOddMapsAreSafe) {
  const Image image = numbered(5, 4);
  for (const double big : {1e7, -1e11, 1e-9}) {
    EXPECT_TRUE(warp_affine(image, {big, big, big, -big, big, -big}, 300, 4));
  }
  EXPECT_EQ(warp_affine(image, {1e13, 0, 0, 0, 1, 0}, 3, 4).error().code, Code::bad_request);
  EXPECT_EQ(warp_affine(image, {std::nan(""), 0, 0, 0, 1, 0}, 3, 4).error().code, Code::bad_request);
  EXPECT_EQ(warp_affine(image, {}, 0, 4).error().code, Code::bad_request);
  EXPECT_EQ(warp_affine(image, {}, 1 << 20, 1 << 20).error().code, Code::too_large);
  EXPECT_EQ(warp_affine(Image::make(2, 2, 1, Colour::grey, Sample::u16), {}, 2, 2).error().code, Code::unsupported);
}

}  // namespace
}  // namespace microtome::pixel
