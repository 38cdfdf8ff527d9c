// SPDX-License-Identifier: Apache-2.0
#include "codec/webp.hpp"

#include <gtest/gtest.h>

#include "codec/encode.hpp"
#include "codec/picture_for_test.hpp"

namespace microtome::codec {
namespace {

using test::mean_difference;
using test::picture;

TEST(Webp, LosslessRoundTripsExactly) {
  for (const int channels : {3, 4}) {
    for (const auto& [width, height] : {std::pair{1, 1}, {17, 9}, {201, 137}}) {
      pixel::Image image = picture(width, height, channels);
      if (channels == 4) {
        image.data[3] = 7;  // one clear pixel, so that the alpha channel stays; none is 0, whose colour may change
        for (std::size_t i = 3; i < image.data.size(); i += 4) {
          image.data[i] = std::max<std::uint8_t>(image.data[i], 1);
        }
      }
      const auto stream = encode_webp(image, {.lossless = true});
      ASSERT_TRUE(stream);
      const auto info = inspect_webp(*stream);
      ASSERT_TRUE(info);
      EXPECT_TRUE(info->lossless);
      EXPECT_EQ(info->alpha, channels == 4);
      const auto back = decode_webp(*stream);
      ASSERT_TRUE(back);
      EXPECT_EQ(back->data, image.data);
    }
  }
}

TEST(Webp, LossyIsClose) {
  for (const int channels : {1, 2, 3, 4}) {
    const pixel::Image image = picture(64, 50, channels);
    const auto back = decode_webp(*encode_webp(image, {.quality = 90}));
    ASSERT_TRUE(back);
    const pixel::Image expected = channels % 2 == 0 ? pixel::to_rgba(image) : pixel::to_rgb(image);
    EXPECT_LT(mean_difference(*back, expected), 5) << channels;
  }
}

TEST(Webp, CarriesAProfile) {
  const Bytes profile(301, 4);
  for (const int channels : {3, 4}) {
    for (const bool lossless : {false, true}) {
      const auto stream = encode_webp(picture(30, 20, channels), {.lossless = lossless, .icc = profile});
      ASSERT_TRUE(stream);
      EXPECT_NE(as_text(*stream).find("ICCP"), std::string_view::npos);
      const auto back = decode_webp(*stream);
      ASSERT_TRUE(back) << channels << lossless;
      EXPECT_EQ(back->width, 30);
      EXPECT_EQ(back->channels, channels);
    }
  }
}

TEST(Webp, BrokenIsCorruptAndTooLargeIsRefused) {
  const auto good = encode_webp(picture(64, 48, 3));
  for (std::size_t size = 0; size + 4 < good->size(); ++size) {
    const auto result = decode_webp(ByteView(*good).first(size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, Code::corrupt);
  }
  EXPECT_EQ(decode_webp(*good, 64 * 48 - 1).error().code, Code::too_large);
  EXPECT_EQ(encode_webp(pixel::Image::make(16384, 1, 1, pixel::Colour::grey)).error().code, Code::bad_request);
  EXPECT_EQ(encode_webp({}).error().code, Code::bad_request);
}

TEST(Webp, AnimationsAreUnsupported) {
  // VP8X with the animation flag, 16x16.
  Bytes stream = {'R', 'I', 'F', 'F', 30, 0,  0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8', 'X', 10, 0, 0,
                  0,   2,   0,   0,   0,  15, 0, 0, 15,  0,   0,   'A', 'N', 'I', 'M', 0,   0,  0, 0};
  const auto result = decode_webp(stream);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::unsupported);
}

TEST(Encode, FrontReachesAllCodecs) {
  const pixel::Image image = picture(40, 30, 3);
  EXPECT_TRUE(as_text(*encode(image, Format::jpeg, {.quality = 60})).starts_with("\xFF\xD8"));
  EXPECT_TRUE(as_text(*encode(image, Format::png, {.pixels_per_inch = 300})).starts_with("\x89PNG"));
  EXPECT_TRUE(as_text(*encode(image, Format::webp)).starts_with("RIFF"));
  EXPECT_EQ(as_text(*encode(image, Format::avif)).substr(4, 8), "ftypavif");
  EXPECT_TRUE(as_text(*encode(image, Format::tiff)).starts_with(std::string_view("II*\0", 4)));
  EXPECT_EQ(encode(image, Format::raw).error().code, Code::unsupported);
}

}  // namespace
}  // namespace microtome::codec
