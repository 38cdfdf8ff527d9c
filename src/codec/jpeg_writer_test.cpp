// SPDX-License-Identifier: Apache-2.0
// Our own encoder against libjpeg's: every byte is the same.
#include "codec/jpeg_writer.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdlib>
#include <string>

#include "codec/jpeg.hpp"
#include "codec/jpeg_parameters.hpp"
#include "codec/jpeg_planes.hpp"
#include "codec/libjpeg_for_test.hpp"
#include "codec/picture_for_test.hpp"

namespace microtome::codec {
namespace {

enum class Content : std::uint8_t { smooth, noise, black_and_white, even };

pixel::Planes planes(int width, int height, PlaneFactors factors, Content content) {
  auto all = pixel::Planes::make(width, height, factors.across, factors.down);
  std::uint32_t state = 7;
  for (pixel::Image& plane : all.plane) {
    const pixel::Image smooth = test::picture(plane.width, plane.height, 1);
    for (std::size_t i = 0; i < plane.data.size(); ++i) {
      state = state * 1664525U + 1013904223U;
      const auto random = static_cast<std::uint8_t>(state >> 24);
      plane.data[i] = content == Content::smooth  ? smooth.data[i]
                      : content == Content::noise ? random
                      : content == Content::even  ? std::uint8_t{0}
                                                  : static_cast<std::uint8_t>(random < 128 ? 0 : 255);
    }
  }
  return all;
}

void check(int width, int height, PlaneFactors factors, Content content, const JpegEncodeOptions& options) {
  const auto picture = planes(width, height, factors, content);
  const auto got = encode_jpeg_planes(picture, options);
  ASSERT_TRUE(got);
  const Bytes want = test::libjpeg_encode(picture, options);
  const std::string what = std::to_string(width) + "x" + std::to_string(height) + " " +
                           std::to_string(factors.across) + "x" + std::to_string(factors.down) + " q" +
                           std::to_string(options.quality) + " content " + std::to_string(int(content));
  const auto differ = std::ranges::mismatch(*got, want);
  ASSERT_TRUE(*got == want) << what << ": " << got->size() << " bytes for " << want.size() << ", the first other one "
                            << differ.in1 - got->begin();
}

TEST(JpegWriter, EveryByteIsLibjpegs) {
  for (const PlaneFactors factors : {PlaneFactors{1, 1}, {2, 1}, {1, 2}, {2, 2}}) {
    for (const int quality : {1, 5, 60, 75, 85, 90, 97, 100}) {
      for (const Content content : {Content::smooth, Content::noise, Content::black_and_white, Content::even}) {
        check(96, 64, factors, content, {.quality = quality});
        check(51, 37, factors, content, {.quality = quality});
      }
    }
  }
}

TEST(JpegWriter, OfEverySize) {
  for (const PlaneFactors factors : {PlaneFactors{1, 1}, {2, 1}, {1, 2}, {2, 2}}) {
    for (int side = 1; side <= 40; ++side) {
      check(side, 9, factors, Content::noise, {.quality = 80});
      check(70, side, factors, Content::noise, {.quality = 80});
    }
  }
  check(1067, 800, {2, 2}, Content::smooth, {.quality = 85});
}

TEST(JpegWriter, WithItsHeader) {
  Bytes icc(150'000);
  for (std::size_t i = 0; i < icc.size(); ++i) {
    icc[i] = static_cast<std::uint8_t>(i * 7);
  }
  check(40, 30, {2, 2}, Content::smooth, {.icc = icc});
  check(40, 30, {2, 2}, Content::smooth, {.icc = ByteView(icc).first(65519)});
  check(40, 30, {1, 1}, Content::smooth, {.pixels_per_inch = 301.6});
}

TEST(JpegWriter, TheSameOnEveryMachine) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const Content content : {Content::smooth, Content::noise, Content::black_and_white}) {
      check(147, 83, {2, 2}, content, {.quality = 85});
      check(147, 83, {1, 1}, content, {.quality = 100});
      check(147, 83, {2, 1}, content, {.quality = 20});
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

pixel::Image picture(int width, int height, int channels, bool noise) {
  pixel::Image image = test::picture(width, height, channels);
  std::uint32_t state = 7;
  for (std::uint8_t& sample : image.data) {
    state = state * 1664525U + 1013904223U;
    sample = noise ? static_cast<std::uint8_t>(state >> 24) : sample;
  }
  return image;
}

void check_picture(int width, int height, int channels, bool noise, const JpegEncodeOptions& options) {
  const pixel::Image image = picture(width, height, channels, noise);
  const auto got = encode_jpeg(image, options);
  ASSERT_TRUE(got);
  const Bytes want = test::libjpeg_encode(image, factors_for(options), options);
  ASSERT_TRUE(*got == want) << width << "x" << height << " of " << channels << " q" << options.quality << ": "
                            << got->size() << " bytes for " << want.size();
}

TEST(JpegWriter, PicturesToo) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const int channels : {1, 3}) {
      for (const int quality : {50, 85, 90}) {
        for (const bool noise : {false, true}) {
          check_picture(256, 256, channels, noise, {.quality = quality});
          check_picture(131, 69, channels, noise, {.quality = quality});
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  for (const int channels : {1, 3}) {
    for (const int quality : {80, 95}) {
      for (int side = 1; side <= 70; ++side) {
        check_picture(side, 18, channels, true, {.quality = quality});
        check_picture(50, side, channels, true, {.quality = quality});
      }
      check_picture(40, 30, channels, false, {.quality = quality, .comment = "cut on a Tuesday"});
    }
  }
}

TEST(JpegWriter, AllColours) {  // 2^24 of them, one of 37
  auto image = pixel::Image::make(4096, 110, 3, pixel::Colour::rgb);
  std::uint32_t colour = 0;
  for (std::size_t i = 0; i + 2 < image.data.size(); i += 3, colour += 37) {
    image.data[i] = static_cast<std::uint8_t>(colour >> 16);
    image.data[i + 1] = static_cast<std::uint8_t>(colour >> 8);
    image.data[i + 2] = static_cast<std::uint8_t>(colour);
  }
  const JpegEncodeOptions options{.quality = 100};
  const auto got = encode_jpeg(image, options);
  ASSERT_TRUE(got);
  EXPECT_TRUE(*got == test::libjpeg_encode(image, {1, 1}, options));
}

void check_division(unsigned step, std::size_t place, Dct dct) {
  const std::uint32_t divisor = Quantiser::divisor(step, place, dct);
  ASSERT_GE(divisor, Quantiser::kLeast) << step << " at " << place;
  std::array<std::uint16_t, 64> steps{};
  steps.fill(static_cast<std::uint16_t>(dct == Dct::fast ? 255 : 1));
  steps[place] = static_cast<std::uint16_t>(step);
  const Quantiser quantiser(steps, dct);
  for (std::uint32_t n = 0; n <= 32768; ++n) {
    const std::uint32_t got =
        (((n + quantiser.add[place]) * quantiser.factor[place] >> 16) * quantiser.scale[place]) >> 16;
    ASSERT_EQ(got, (n + divisor / 2) / divisor) << n << " by " << divisor;
  }
}

// Any coefficient by any step, as it stands in T.81 A.3.4.
TEST(JpegWriter, DividesExactly) {
  for (unsigned step = 1; step <= 255; ++step) {
    check_division(step, 5, Dct::accurate);
  }
}

// The fast transform is for coarse steps only: all of these qualities have them.
TEST(JpegWriter, DividesExactlyAfterTheFastTransform) {
  std::array<std::vector<bool>, 64> seen;
  for (int quality = 1; quality < jpeg::kFastBelow; ++quality) {
    const auto layout = jpeg::layout(8, 8, 3, {1, 1}, {.quality = quality});
    ASSERT_TRUE(layout);
    ASSERT_EQ(layout->dct, Dct::fast);
    for (const auto& steps : layout->steps) {
      for (std::size_t i = 0; i < 64; ++i) {
        seen[i].resize(256);
        if (!seen[i][steps[i]]) {
          seen[i][steps[i]] = true;
          check_division(steps[i], i, Dct::fast);
        }
      }
    }
  }
}

}  // namespace
}  // namespace microtome::codec
