// SPDX-License-Identifier: Apache-2.0
#include "codec/avif.hpp"

#include <gtest/gtest.h>

#include "codec/encode.hpp"
#include "codec/picture_for_test.hpp"

namespace microtome::codec {
namespace {

using test::mean_difference;
using test::picture;

TEST(Avif, LosslessRoundTripsExactly) {
  for (const int channels : {1, 3, 4}) {
    for (const auto& [width, height] : {std::pair{1, 1}, {17, 9}, {121, 87}}) {
      pixel::Image image = picture(width, height, channels);
      if (channels == 4) {
        image.data[3] = 7;  // one clear pixel, so that the alpha channel stays
      }
      const auto stream = encode_avif(image, {.lossless = true});
      ASSERT_TRUE(stream) << stream.error().message << stream.error().context;
      const auto info = inspect_avif(*stream);
      ASSERT_TRUE(info);
      EXPECT_EQ(info->width, width);
      EXPECT_EQ(info->height, height);
      EXPECT_EQ(info->alpha, channels == 4);
      EXPECT_EQ(info->grey, channels == 1);
      const auto back = decode_avif(*stream);
      ASSERT_TRUE(back);
      EXPECT_EQ(back->channels, channels);
      EXPECT_EQ(back->data, image.data) << channels << ' ' << width;
    }
  }
}

TEST(Avif, LossyIsCloseAndQualityCounts) {
  for (const int channels : {1, 2, 3, 4}) {
    const pixel::Image image = picture(64, 50, channels);
    const auto fine = encode_avif(image, {.quality = 95});
    const auto rough = encode_avif(image, {.quality = 20});
    ASSERT_TRUE(fine && rough);
    EXPECT_GT(fine->size(), rough->size());
    const auto back = decode_avif(*fine);
    ASSERT_TRUE(back);
    EXPECT_LT(mean_difference(*back, channels == 2 ? pixel::to_rgba(image) : image), 3) << channels;
  }
}

TEST(Avif, CarriesAProfileAndBrings16BitsTo8) {
  const Bytes profile(301, 4);
  const auto stream = encode_avif(picture(30, 20, 3, pixel::Sample::u16), {.quality = 90, .icc = profile});
  ASSERT_TRUE(stream);
  const auto info = inspect_avif(*stream);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->icc, profile);
  EXPECT_EQ(info->bits, 8);
  EXPECT_LT(mean_difference(*decode_avif(*stream), picture(30, 20, 3)), 4);
}

TEST(Avif, BrokenIsCorruptAndTooLargeIsRefused) {
  const auto good = encode_avif(picture(64, 48, 3));
  ASSERT_TRUE(good);
  for (std::size_t size = 0; size + 4 < good->size(); size += 7) {
    const auto result = decode_avif(ByteView(*good).first(size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, Code::corrupt) << size;
  }
  EXPECT_EQ(decode_avif(*good, 64 * 48 - 1).error().code, Code::too_large);
  EXPECT_EQ(encode_avif(pixel::Image::make(16385, 1, 1, pixel::Colour::grey)).error().code, Code::bad_request);
  EXPECT_EQ(encode_avif({}).error().code, Code::bad_request);
}

}  // namespace
}  // namespace microtome::codec
