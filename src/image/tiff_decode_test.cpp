// SPDX-License-Identifier: Apache-2.0
// Every kind of TIFF that libtiff writes here must decode to the samples that were put in; lossy ones to what libtiff
// itself makes of them.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "image/picture.hpp"
#include "image/tiff_for_test.hpp"

namespace microtome::image {
namespace {

using test::Made;

double sample_of(const pixel::Image& image, int x, int y, int channel) {
  const std::uint8_t* at =
      image.row(y) + (static_cast<std::size_t>(x) * image.channels + channel) * pixel::bytes_of(image.sample);
  const auto load = [&]<class T>(T value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  };
  switch (image.sample) {
    case pixel::Sample::u8:
      return *at;
    case pixel::Sample::u16:
      return load(std::uint16_t{});
    case pixel::Sample::u32:
      return load(std::uint32_t{});
    case pixel::Sample::f32:
      return load(float{});
    case pixel::Sample::f64:
      return load(double{});
  }
  return 0;
}

// What a decoded sample should be: stretched over whole bytes, shifted to unsigned, white-is-zero turned round.
double expected(const Made& made, pixel::Sample sample, int x, int y, int channel) {
  double value = test::stored_at(made, x, y, channel, 1);
  if (made.format == SAMPLEFORMAT_IEEEFP) {
    return value;
  }
  const double most = std::pow(2.0, made.bits) - 1;
  if (made.format == SAMPLEFORMAT_INT) {
    value += (most + 1) / 2;
  }
  const double target = made.bits > 8 && made.bits <= 16 ? most : std::pow(2.0, 8 * pixel::bytes_of(sample)) - 1;
  value = std::floor(value * target / most + 0.5);
  return made.photometric == PHOTOMETRIC_MINISWHITE ? target - value : value;
}

struct Case {
  const char* name;
  Made made;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

class Lossless : public testing::TestWithParam<Case> {};

TEST_P(Lossless, decodes_to_what_was_written) {
  const Made& made = GetParam().made;
  const io::ScratchDir scratch;
  auto picture = test::open(test::write(scratch, made));
  ASSERT_TRUE(picture) << picture.error().context;
  const PictureInfo& info = (*picture)->info();
  EXPECT_EQ(info.width, made.width);
  EXPECT_EQ(info.channels, made.samples);
  EXPECT_EQ(info.bits, made.bits);
  EXPECT_EQ(info.has_tiles, made.tile != 0);
  EXPECT_EQ(info.opaque, made.extra <= 0);
  const Level& level = info.levels.front();
  int wrong = 0;
  for (std::int64_t ty = 0; ty < level.down(); ++ty) {
    for (std::int64_t tx = 0; tx < level.across(); ++tx) {
      auto tile = (*picture)->decode_tile(0, tx, ty, {});
      ASSERT_TRUE(tile) << tile.error().context;
      ASSERT_EQ(tile->width, std::min<std::int64_t>(level.tile_width, info.width - tx * level.tile_width));
      ASSERT_EQ(tile->height, std::min<std::int64_t>(level.tile_height, info.height - ty * level.tile_height));
      ASSERT_EQ(tile->channels, info.channels);
      ASSERT_EQ(tile->sample, info.sample);
      ASSERT_EQ(tile->colour, info.colour);
      for (int y = 0; y < tile->height; ++y) {
        for (int x = 0; x < tile->width; ++x) {
          for (int c = 0; c < tile->channels; ++c) {
            const double want = expected(made, info.sample, static_cast<int>(tx) * level.tile_width + x,
                                         static_cast<int>(ty) * level.tile_height + y, c);
            wrong += sample_of(*tile, x, y, c) == want ? 0 : 1;
          }
        }
      }
    }
  }
  EXPECT_EQ(wrong, 0);
}

constexpr auto kSignedFormat = SAMPLEFORMAT_INT;
constexpr auto kFloatFormat = SAMPLEFORMAT_IEEEFP;
const Case kLossless[] = {
    {"none", {}},
    {"none_big_endian", {.mode = "wb"}},
    {"none_bigtiff", {.mode = "w8"}},
    {"none_bigtiff_big_endian", {.mode = "wb8"}},
    {"none_grey", {.samples = 1, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"none_white_is_zero", {.samples = 1, .photometric = PHOTOMETRIC_MINISWHITE}},
    {"none_16", {.bits = 16}},
    {"none_16_big_endian", {.mode = "wb", .bits = 16}},
    {"none_32", {.samples = 1, .bits = 32, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"none_float", {.bits = 32, .format = kFloatFormat}},
    {"none_float_big_endian", {.mode = "wb", .bits = 32, .format = kFloatFormat}},
    {"none_double", {.samples = 1, .bits = 64, .format = kFloatFormat, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"none_signed_8", {.format = kSignedFormat}},
    {"none_signed_16", {.bits = 16, .format = kSignedFormat}},
    {"none_alpha", {.samples = 4, .extra = EXTRASAMPLE_UNASSALPHA}},
    {"none_grey_alpha", {.samples = 2, .photometric = PHOTOMETRIC_MINISBLACK, .extra = EXTRASAMPLE_UNASSALPHA}},
    {"none_strips", {.tile = 0}},
    {"none_one_strip", {.tile = 0, .rows = 100}},
    {"none_planar", {.planar = PLANARCONFIG_SEPARATE}},
    {"none_planar_strips", {.tile = 0, .planar = PLANARCONFIG_SEPARATE}},
    {"none_planar_16", {.bits = 16, .planar = PLANARCONFIG_SEPARATE}},
    {"none_five_channels", {.samples = 5, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"bits_1", {.samples = 1, .bits = 1, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"bits_1_white_is_zero", {.samples = 1, .bits = 1, .photometric = PHOTOMETRIC_MINISWHITE}},
    {"bits_2", {.samples = 1, .bits = 2, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"bits_4_strips", {.tile = 0, .samples = 1, .bits = 4, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"bits_12", {.samples = 1, .bits = 12, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"bits_12_white_is_zero", {.samples = 1, .bits = 12, .photometric = PHOTOMETRIC_MINISWHITE}},
    {"bits_12_rgb_strips", {.tile = 0, .bits = 12}},
    {"deflate", {.compression = COMPRESSION_ADOBE_DEFLATE}},
    {"deflate_old_number", {.compression = COMPRESSION_DEFLATE}},
    {"deflate_predictor", {.compression = COMPRESSION_ADOBE_DEFLATE, .predictor = 2}},
    {"deflate_predictor_16", {.bits = 16, .compression = COMPRESSION_ADOBE_DEFLATE, .predictor = 2}},
    {"deflate_predictor_16_big_endian",
     {.mode = "wb", .bits = 16, .compression = COMPRESSION_ADOBE_DEFLATE, .predictor = 2}},
    {"deflate_predictor_32",
     {.samples = 1,
      .bits = 32,
      .compression = COMPRESSION_ADOBE_DEFLATE,
      .photometric = PHOTOMETRIC_MINISBLACK,
      .predictor = 2}},
    {"deflate_predictor_float",
     {.bits = 32, .format = kFloatFormat, .compression = COMPRESSION_ADOBE_DEFLATE, .predictor = 3}},
    {"deflate_alpha",
     {.samples = 4, .compression = COMPRESSION_ADOBE_DEFLATE, .predictor = 2, .extra = EXTRASAMPLE_UNASSALPHA}},
    {"deflate_strips", {.tile = 0, .compression = COMPRESSION_ADOBE_DEFLATE}},
    {"deflate_planar", {.compression = COMPRESSION_ADOBE_DEFLATE, .planar = PLANARCONFIG_SEPARATE}},
    {"lzw", {.compression = COMPRESSION_LZW}},
    {"lzw_predictor_strips", {.tile = 0, .compression = COMPRESSION_LZW, .predictor = 2}},
    {"packbits", {.compression = COMPRESSION_PACKBITS}},
    {"zstd", {.compression = COMPRESSION_ZSTD}},
    {"zstd_predictor_16", {.bits = 16, .compression = COMPRESSION_ZSTD, .predictor = 2}},
    {"ccitt4",
     {.samples = 1, .bits = 1, .compression = COMPRESSION_CCITTFAX4, .photometric = PHOTOMETRIC_MINISWHITE}},
    {"ccitt3_strips",
     {.tile = 0,
      .samples = 1,
      .bits = 1,
      .compression = COMPRESSION_CCITTFAX3,
      .photometric = PHOTOMETRIC_MINISBLACK}},
};
INSTANTIATE_TEST_SUITE_P(Kinds, Lossless, testing::ValuesIn(kLossless),
                         [](const auto& one) { return std::string(one.param.name); });

class Lossy : public testing::TestWithParam<Case> {};

// libtiff's 8-bit RGBA of the whole picture, top row first.
std::vector<std::uint32_t> by_libtiff(const std::string& path, int width, int height) {
  TIFF* tiff = TIFFOpen(path.c_str(), "r");
  std::vector<std::uint32_t> raster(static_cast<std::size_t>(width) * height);
  EXPECT_NE(TIFFReadRGBAImageOriented(tiff, width, height, raster.data(), ORIENTATION_TOPLEFT, 1), 0);
  TIFFClose(tiff);
  return raster;
}

TEST_P(Lossy, decodes_to_what_libtiff_makes_of_it) {
  const Made& made = GetParam().made;
  const io::ScratchDir scratch;
  const std::string path = test::write(scratch, made);
  auto picture = test::open(path);
  ASSERT_TRUE(picture) << picture.error().context;
  int reduction = 1;
  auto image = (*picture)->decode_region(0, {0, 0, made.width, made.height}, &reduction, {});
  ASSERT_TRUE(image) << image.error().context;
  EXPECT_EQ(image->sample, pixel::Sample::u8);
  const auto raster = by_libtiff(path, made.width, made.height);
  int most = 0;
  for (int y = 0; y < made.height; ++y) {
    for (int x = 0; x < made.width; ++x) {
      const std::uint32_t want = raster[static_cast<std::size_t>(y) * made.width + x];
      const int rgb[] = {static_cast<int>(TIFFGetR(want)), static_cast<int>(TIFFGetG(want)),
                         static_cast<int>(TIFFGetB(want))};
      for (int c = 0; c < image->channels; ++c) {
        most = std::max(most, std::abs(image->row(y)[x * image->channels + c] - rgb[c]));
      }
    }
  }
  EXPECT_LE(most, 1);
}

const Case kLossy[] = {
    {"jpeg_ycbcr", {.compression = COMPRESSION_JPEG, .photometric = PHOTOMETRIC_YCBCR}},
    {"jpeg_ycbcr_big_endian", {.mode = "wb", .compression = COMPRESSION_JPEG, .photometric = PHOTOMETRIC_YCBCR}},
    {"jpeg_rgb", {.compression = COMPRESSION_JPEG}},
    {"jpeg_grey", {.samples = 1, .compression = COMPRESSION_JPEG, .photometric = PHOTOMETRIC_MINISBLACK}},
    {"jpeg_white_is_zero", {.samples = 1, .compression = COMPRESSION_JPEG, .photometric = PHOTOMETRIC_MINISWHITE}},
    {"jpeg_strips", {.tile = 0, .compression = COMPRESSION_JPEG, .photometric = PHOTOMETRIC_YCBCR}},
    {"jpeg_planar", {.compression = COMPRESSION_JPEG, .planar = PLANARCONFIG_SEPARATE}},
    {"webp", {.compression = COMPRESSION_WEBP}},
    {"palette", {.samples = 1, .photometric = PHOTOMETRIC_PALETTE}},
    {"palette_4_strips", {.tile = 0, .samples = 1, .bits = 4, .photometric = PHOTOMETRIC_PALETTE}},
    {"palette_deflate", {.samples = 1, .compression = COMPRESSION_ADOBE_DEFLATE, .photometric = PHOTOMETRIC_PALETTE}},
    {"cmyk", {.samples = 4, .photometric = PHOTOMETRIC_SEPARATED}},
};
INSTANTIATE_TEST_SUITE_P(Kinds, Lossy, testing::ValuesIn(kLossy),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(TiffDecode, divides_colour_that_was_multiplied_by_alpha) {
  const io::ScratchDir scratch;
  const Made made{.samples = 4, .extra = EXTRASAMPLE_ASSOCALPHA};
  auto picture = test::open(test::write(scratch, made));
  ASSERT_TRUE(picture);
  EXPECT_EQ((*picture)->info().colour, pixel::Colour::rgba);
  EXPECT_FALSE((*picture)->info().opaque);
  auto tile = (*picture)->decode_tile(0, 0, 0, {});
  ASSERT_TRUE(tile);
  for (int x = 0; x < 64; ++x) {
    const double alpha = test::stored_at(made, x, 7, 3, 1);
    const double red = std::min(255.0, test::stored_at(made, x, 7, 0, 1) * 255 / alpha);
    EXPECT_NEAR(tile->row(7)[x * 4], red, 0.5) << x;
    EXPECT_EQ(tile->row(7)[x * 4 + 3], alpha);
  }
}

TEST(TiffDecode, lab_of_another_writer_looks_as_its_source) {
  auto lab = test::open(test::fixture("image/vips_lab.tif"));
  auto rgb = test::open(test::fixture("image/plain.png"));  // the same corner
  ASSERT_TRUE(lab && rgb);
  EXPECT_EQ((*lab)->info().text.at("colour_space"), "cielab");
  int reduction = 1;
  const auto one = (*lab)->decode_region(0, {0, 0, 96, 60}, &reduction, {});
  const auto other = (*rgb)->decode_region(0, {0, 0, 96, 60}, &reduction, {});
  ASSERT_TRUE(one && other);
  int most = 0;
  for (std::size_t i = 0; i < one->data.size(); ++i) {
    most = std::max(most, std::abs(one->data[i] - other->data[i]));
  }
  EXPECT_LE(most, 2);
}

TEST(TiffDecode, refuses_what_nobody_can_decode) {
  const io::ScratchDir scratch;
  test::Layout layout;
  const auto data = layout.add(Bytes(64 * 64));
  layout.add_directory({{256, 3, {64}},
                        {257, 3, {64}},
                        {258, 3, {8}},
                        {259, 3, {34712}},
                        {262, 3, {1}},
                        {277, 3, {1}},
                        {322, 3, {64}},
                        {323, 3, {64}},
                        {324, 4, {data}},
                        {325, 4, {4096}}});
  const auto picture = test::open(scratch.write("jp2k.tif", layout.bytes()));
  ASSERT_FALSE(picture);
  EXPECT_EQ(picture.error().code, Code::unsupported);
}

}  // namespace
}  // namespace microtome::image
