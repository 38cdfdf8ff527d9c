// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <jpeglib.h>

#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/picture_for_test.hpp"
#include "pixel/blit.hpp"

namespace microtome::codec {
namespace {

using test::fixture;
using test::mean_difference;
using test::most_difference;
using test::picture;

// What our own encoder never writes: progressive, arithmetic, four components, odd sampling, restart markers.
struct Kind {
  bool progressive = false;
  bool arithmetic = false;
  int restart = 0;
  int horizontal = 2;
  int vertical = 2;
  J_COLOR_SPACE in = JCS_RGB;
  J_COLOR_SPACE stored = JCS_YCbCr;
};

Bytes encode_as(const pixel::Image& image, const Kind& kind) {
  jpeg::Compressor encoder;
  EXPECT_TRUE(encoder.open(1000));
  jpeg_compress_struct& handle = encoder.handle;
  const bool done = jpeg::run_guarded(encoder.trap, [&] {
    handle.image_width = static_cast<JDIMENSION>(image.width);
    handle.image_height = static_cast<JDIMENSION>(image.height);
    handle.input_components = image.channels;
    handle.in_color_space = kind.in;
    jpeg_set_defaults(&handle);
    jpeg_set_quality(&handle, 92, TRUE);
    jpeg_set_colorspace(&handle, kind.stored);
    handle.comp_info[0].h_samp_factor = kind.horizontal;
    handle.comp_info[0].v_samp_factor = kind.vertical;
    handle.arith_code = kind.arithmetic ? TRUE : FALSE;
    handle.restart_interval = static_cast<unsigned>(kind.restart);
    if (kind.progressive) {
      jpeg_simple_progression(&handle);
    }
    jpeg_start_compress(&handle, TRUE);
    while (handle.next_scanline < handle.image_height) {
      auto* row = const_cast<std::uint8_t*>(image.row(static_cast<int>(handle.next_scanline)));
      jpeg_write_scanlines(&handle, &row, 1);
    }
    jpeg_finish_compress(&handle);
  });
  EXPECT_TRUE(done) << encoder.trap.text;
  return encoder.take();
}

const Kind kKinds[] = {{},
                       {.progressive = true},
                       {.arithmetic = true},
                       {.restart = 3},
                       {.horizontal = 1, .vertical = 1},
                       {.horizontal = 2, .vertical = 1},
                       {.horizontal = 1, .vertical = 2},
                       {.horizontal = 4, .vertical = 1},
                       {.horizontal = 4, .vertical = 2},
                       {.horizontal = 1, .vertical = 1, .stored = JCS_RGB}};

TEST(JpegKinds, Decode) {
  const pixel::Image image = picture(201, 137, 3);
  for (const Kind& kind : kKinds) {
    const Bytes stream = encode_as(image, kind);
    const auto info = inspect_jpeg(stream);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->progressive, kind.progressive);
    EXPECT_EQ(info->arithmetic, kind.arithmetic);
    EXPECT_EQ(info->restart_interval, kind.restart);
    EXPECT_EQ(info->horizontal[0], kind.horizontal);
    EXPECT_EQ(info->looks_rgb(), kind.stored == JCS_RGB);
    const auto back = decode_jpeg(stream);
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_LT(mean_difference(*back, image), 5);
    const pixel::Rect rect{100, 50, 60, 40};
    const auto part = decode_jpeg(stream, {.region = rect});
    ASSERT_TRUE(part);
    EXPECT_EQ(most_difference(*part, pixel::crop(*back, rect)), 0) << kind.horizontal << kind.vertical;
  }
}

// Chroma of the last column and row of a crop may be enlarged from other neighbours; luma and the rest are the same.
TEST(JpegCrop, IsLosslessAtEverySize) {
  const pixel::Image image = picture(240, 200, 3);
  for (const Kind& kind : kKinds) {
    const Bytes stream = encode_as(image, kind);
    const auto whole = decode_jpeg(stream);
    for (const auto& [width, height] :
         {std::pair{1, 1}, {7, 9}, {8, 8}, {16, 16}, {17, 33}, {201, 137}, {240, 1}, {239, 199}, {240, 200}}) {
      const auto cropped = crop_jpeg(stream, width, height);
      ASSERT_TRUE(cropped) << cropped.error().context;
      const auto info = inspect_jpeg(*cropped);
      EXPECT_EQ(info->width, width);
      EXPECT_EQ(info->height, height);
      EXPECT_FALSE(info->progressive || info->arithmetic) << "every browser must show it";
      const auto back = decode_jpeg(*cropped);
      ASSERT_TRUE(back) << back.error().context;
      const pixel::Rect inner{0, 0, std::max(width - 4, 1), std::max(height - 4, 1)};
      if (width > 8 && height > 8) {
        EXPECT_EQ(most_difference(pixel::crop(*back, inner), pixel::crop(*whole, inner)), 0)
            << width << "x" << height << " " << kind.horizontal << kind.vertical;
      }
      EXPECT_LT(mean_difference(*back, pixel::crop(*whole, {0, 0, width, height})), 3) << width << "x" << height;
    }
  }
}

TEST(JpegCrop, GreyIsExact) {
  const auto stream = encode_jpeg(picture(100, 90, 1));
  const auto cropped = crop_jpeg(*stream, 37, 41);
  ASSERT_TRUE(cropped);
  EXPECT_EQ(most_difference(*decode_jpeg(*cropped), pixel::crop(*decode_jpeg(*stream), {0, 0, 37, 41})), 0);
}

TEST(JpegCrop, AperioTileKeepsItsColours) {
  const Bytes tables = fixture("aperio_tables.bin");
  const Bytes tile = fixture("aperio_tile.bin");
  const Bytes profile(300, 9);
  const auto cropped = crop_jpeg(tile, 201, 137, {.tables = tables, .icc = profile, .rgb_coded = true});
  ASSERT_TRUE(cropped) << cropped.error().context;
  EXPECT_EQ(inspect_jpeg(*cropped)->adobe_transform, 0);
  EXPECT_TRUE(inspect_jpeg(*cropped)->has_icc);
  const auto whole = decode_jpeg(tile, {.rgb_coded = true, .tables = tables});
  EXPECT_EQ(most_difference(*decode_jpeg(*cropped), pixel::crop(*whole, {0, 0, 201, 137})), 0);
}

TEST(JpegCrop, KeepsTheProfileOfTheStream) {
  const Bytes profile(500, 5);
  JpegEncodeOptions options;
  options.icc = profile;
  const auto cropped = crop_jpeg(*encode_jpeg(picture(32, 32, 3), options), 20, 20);
  ASSERT_TRUE(cropped);
  EXPECT_TRUE(inspect_jpeg(*cropped)->has_icc);
}

TEST(JpegCrop, RefusesWrongSizes) {
  const auto stream = encode_jpeg(picture(32, 32, 3));
  for (const auto& [width, height] : {std::pair{0, 1}, {1, 0}, {33, 1}, {1, 33}, {-1, 5}}) {
    EXPECT_EQ(crop_jpeg(*stream, width, height).error().code, Code::bad_request);
  }
}

pixel::Image turned(const pixel::Image& image, JpegTransform transform) {
  const bool swaps = transform == JpegTransform::rotate90 || transform == JpegTransform::rotate270 ||
                     transform == JpegTransform::transpose || transform == JpegTransform::transverse;
  pixel::Image out = pixel::Image::make(swaps ? image.height : image.width, swaps ? image.width : image.height,
                                        image.channels, image.colour);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int from_x = swaps ? y : x;
      int from_y = swaps ? x : y;
      const bool mirrored = transform == JpegTransform::mirror || transform == JpegTransform::rotate180 ||
                            transform == JpegTransform::rotate270 || transform == JpegTransform::transverse;
      const bool flipped = transform == JpegTransform::flip || transform == JpegTransform::rotate180 ||
                           transform == JpegTransform::rotate90 || transform == JpegTransform::transverse;
      from_x = mirrored ? image.width - 1 - from_x : from_x;
      from_y = flipped ? image.height - 1 - from_y : from_y;
      std::copy_n(image.row(from_y) + from_x * image.channels, image.channels, out.row(y) + x * image.channels);
    }
  }
  return out;
}

TEST(JpegTransform, TurnsLikePixels) {
  const auto stream = encode_jpeg(picture(64, 48, 3), {.quality = 95, .subsampling = Subsampling::s444});
  const auto whole = decode_jpeg(*stream);
  for (const auto transform :
       {JpegTransform::none, JpegTransform::mirror, JpegTransform::flip, JpegTransform::rotate90,
        JpegTransform::rotate180, JpegTransform::rotate270, JpegTransform::transpose, JpegTransform::transverse}) {
    const auto result = transform_jpeg(*stream, {.transform = transform});
    ASSERT_TRUE(result) << result.error().context;
    EXPECT_LE(most_difference(*decode_jpeg(*result), turned(*whole, transform)), 4) << int(transform);
  }
}

TEST(JpegTransform, GreyAndAbbreviated) {
  const auto stream = encode_jpeg(picture(64, 48, 3));
  const auto grey = transform_jpeg(*stream, {.grey = true});
  ASSERT_TRUE(grey);
  EXPECT_EQ(inspect_jpeg(*grey)->components, 1);
  EXPECT_EQ(most_difference(*decode_jpeg(*grey), *decode_jpeg(*stream, {.luma_only = true})), 0);
  const Bytes tables = fixture("aperio_tables.bin");
  const Bytes tile = fixture("aperio_tile.bin");
  const auto turned_tile =
      transform_jpeg(tile, {.transform = JpegTransform::rotate90, .tables = tables, .rgb_coded = true});
  ASSERT_TRUE(turned_tile);
  const auto whole = decode_jpeg(tile, {.rgb_coded = true, .tables = tables});
  EXPECT_LE(most_difference(*decode_jpeg(*turned_tile), turned(*whole, JpegTransform::rotate90)), 2);
  EXPECT_EQ(transform_jpeg(tile, {.grey = true, .tables = tables, .rgb_coded = true}).error().code,
            Code::unsupported);
}

TEST(JpegTransform, PartialMcusCannotMove) {
  const auto stream = encode_jpeg(picture(60, 48, 3));
  EXPECT_EQ(transform_jpeg(*stream, {.transform = JpegTransform::mirror}).error().code, Code::unsupported);
  EXPECT_TRUE(transform_jpeg(*stream, {.transform = JpegTransform::flip}));
}

// A compressor that wrote one progressive stream and is used again writes broken ones; ours are fresh every time.
TEST(JpegEncode, BaselineAfterProgressiveIsSound) {
  const pixel::Image image = picture(256, 256, 3);
  const auto before = encode_jpeg(image);
  ASSERT_TRUE(transform_jpeg(encode_as(image, {.progressive = true}), {.transform = JpegTransform::rotate90}));
  ASSERT_TRUE(crop_jpeg(encode_as(image, {.progressive = true}), 100, 100));
  const auto after = encode_jpeg(image);
  EXPECT_EQ(*before, *after);
  EXPECT_LT(mean_difference(*decode_jpeg(*after), image), 4);
}

TEST(JpegInk, CmykBecomesRgb) {
  pixel::Image ink = pixel::Image::make(16, 16, 4, pixel::Colour::cmyk);
  for (std::size_t i = 0; i < ink.data.size(); i += 4) {  // as Adobe stores it: 255 is no ink
    ink.data[i] = 200;
    ink.data[i + 1] = 100;
    ink.data[i + 2] = 50;
    ink.data[i + 3] = 255;
  }
  for (const auto stored : {JCS_CMYK, JCS_YCCK}) {
    const Bytes stream = encode_as(ink, {.horizontal = 1, .vertical = 1, .in = JCS_CMYK, .stored = stored});
    const auto rgb = decode_jpeg(stream);
    ASSERT_TRUE(rgb) << rgb.error().context;
    EXPECT_EQ(rgb->channels, 3);
    EXPECT_NEAR(rgb->row(8)[24], 200, 3);
    EXPECT_NEAR(rgb->row(8)[25], 100, 3);
    EXPECT_NEAR(rgb->row(8)[26], 50, 3);
    EXPECT_EQ(build_prefix(*inspect_jpeg(stream), {}).error().code, Code::unsupported);
    EXPECT_EQ(crop_jpeg(stream, 8, 8).error().code, Code::unsupported);
  }
}

TEST(JpegScans, TooManyAreRefused) {
  // One progressive picture whose last scan is repeated five hundred times: a small file that costs a lot.
  const Bytes stream =
      encode_as(picture(64, 64, 1),
                {.progressive = true, .horizontal = 1, .vertical = 1, .in = JCS_GRAYSCALE, .stored = JCS_GRAYSCALE});
  std::size_t last = 0;
  for (std::size_t i = 0; i + 1 < stream.size(); ++i) {
    last = stream[i] == 0xFF && stream[i + 1] == 0xDA ? i : last;
  }
  ASSERT_GT(last, 0U);
  Bytes bomb(stream.begin(), stream.end() - 2);
  for (int i = 0; i < 500; ++i) {
    bomb.insert(bomb.end(), stream.begin() + static_cast<std::ptrdiff_t>(last), stream.end() - 2);
  }
  bomb.insert(bomb.end(), {0xFF, 0xD9});
  EXPECT_EQ(decode_jpeg(bomb, {.tolerant = true}).error().code, Code::too_large);
}

}  // namespace
}  // namespace microtome::codec
