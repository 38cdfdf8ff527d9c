// SPDX-License-Identifier: Apache-2.0
#include "codec/strip_writer.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "codec/jpeg.hpp"
#include "codec/picture_for_test.hpp"
#include "codec/tiff_stream.hpp"
#include "pixel/blit.hpp"

namespace microtome::codec {
namespace {

Bytes in_strips(Format format, const pixel::Image& image, const EncodeOptions& options, int rows) {
  auto writer = make_strip_writer(format, image.width, image.height, image.colour, options);
  EXPECT_TRUE(writer);
  Bytes out;
  for (int y = 0; y < image.height; y += rows) {
    EXPECT_TRUE((*writer)->add(pixel::crop(image, {0, y, image.width, std::min(rows, image.height - y)})));
    const Bytes piece = (*writer)->take();
    out.insert(out.end(), piece.begin(), piece.end());
  }
  EXPECT_TRUE((*writer)->finish());
  const Bytes piece = (*writer)->take();
  out.insert(out.end(), piece.begin(), piece.end());
  return out;
}

TEST(StripWriter, JpegIsTheSameInAnyStrips) {
  Bytes icc(100'000, 7);
  for (const int channels : {1, 3}) {
    const pixel::Image image = test::picture(1203, 701, channels);
    EncodeOptions options;
    options.quality = 92;
    options.icc = icc;
    JpegEncodeOptions jpeg;
    jpeg.quality = 92;
    jpeg.icc = icc;
    const Bytes whole = *encode_jpeg(image, jpeg);
    for (const int rows : {1, 7, 16, 64, 701}) {
      EXPECT_EQ(in_strips(Format::jpeg, image, options, rows), whole) << rows;
    }
  }
}

TEST(StripWriter, TiffHasItsPixelsWhereItSays) {
  for (const int channels : {1, 2, 3, 4}) {
    const pixel::Image image = test::picture(1203, 701, channels);
    EncodeOptions options;
    options.pixels_per_inch = 300;
    const Bytes tiff = in_strips(Format::tiff, image, options, 64);
    EXPECT_EQ(tiff.size(), *stream_length(Format::tiff, 1203, 701, image.colour, options));
    ASSERT_EQ(std::memcmp(tiff.data() + tiff.size() - image.data.size(), image.data.data(), image.data.size()), 0);
  }
}

TEST(StripWriter, LargeTiffIsBigTiff) {
  auto writer = make_strip_writer(Format::tiff, 40'000, 40'000, pixel::Colour::rgb, {});
  ASSERT_TRUE(writer);
  const Bytes head = (*writer)->take();
  EXPECT_EQ(head[2], 43);
  EXPECT_EQ(*stream_length(Format::tiff, 40'000, 40'000, pixel::Colour::rgb, {}), head.size() + 4'800'000'000);
  auto small = make_strip_writer(Format::tiff, 30'000, 30'000, pixel::Colour::rgb, {});
  EXPECT_EQ((*small)->take()[2], 42);
}

TEST(StripWriter, RefusesWhatDoesNotFit) {
  EXPECT_EQ(make_strip_writer(Format::webp, 10, 10, pixel::Colour::rgb, {}).error().code, Code::unsupported);
  EXPECT_EQ(make_strip_writer(Format::jpeg, 70'000, 10, pixel::Colour::rgb, {}).error().code, Code::bad_request);
  for (const Format format : {Format::jpeg, Format::png, Format::tiff}) {
    auto writer = make_strip_writer(format, 10, 10, pixel::Colour::rgb, {});
    ASSERT_TRUE(writer);
    EXPECT_FALSE((*writer)->add(test::picture(11, 1, 3)));
    EXPECT_FALSE((*writer)->add(test::picture(10, 1, 1)));
    EXPECT_FALSE((*writer)->add(test::picture(10, 11, 3)));
    EXPECT_TRUE((*writer)->add(test::picture(10, 9, 3)));
    EXPECT_FALSE((*writer)->finish());
  }
}

}  // namespace
}  // namespace microtome::codec
