// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "codec/picture_for_test.hpp"
#include "pixel/blit.hpp"
#include "pixel/scale.hpp"

namespace microtome::codec {
namespace {

using test::fixture;
using test::mean_difference;
using test::mean_of_channel;
using test::most_difference;
using test::picture;

Bytes joined(const Bytes& prefix, ByteView body) {
  Bytes whole = prefix;
  whole.insert(whole.end(), body.begin(), body.end());
  return whole;
}

// Removes all APPn segments of a stream that we encoded.
Bytes without_application_markers(ByteView stream) {
  Bytes out = {0xFF, 0xD8};
  std::size_t at = 2;
  while (stream[at + 1] != 0xDA) {
    const std::size_t size = 2 + (stream[at + 2] << 8 | stream[at + 3]);
    if (stream[at + 1] < 0xE0 || stream[at + 1] > 0xEF) {
      out.insert(out.end(), stream.begin() + at, stream.begin() + at + size);
    }
    at += size;
  }
  out.insert(out.end(), stream.begin() + at, stream.end());
  return out;
}

TEST(Jpeg, RoundTripsAllSizes) {
  for (const int channels : {1, 2, 3, 4}) {
    for (const auto& [width, height] :
         {std::pair{1, 1}, {1, 17}, {8, 8}, {15, 16}, {201, 137}, {256, 256}, {700, 3}}) {
      const pixel::Image image = picture(width, height, channels);
      JpegEncodeOptions options;
      options.quality = 95;
      const auto stream = encode_jpeg(image, options);
      ASSERT_TRUE(stream) << stream.error().context;
      const auto back = decode_jpeg(*stream);
      ASSERT_TRUE(back) << back.error().context;
      const pixel::Image expected = pixel::compose(image, {255, 255, 255});
      EXPECT_LT(mean_difference(*back, expected), 4.0) << width << "x" << height << "x" << channels;
    }
  }
}

TEST(Jpeg, EncodesOtherTypes) {
  const auto wide = encode_jpeg(picture(64, 48, 3, pixel::Sample::u16));
  ASSERT_TRUE(wide);
  EXPECT_LT(mean_difference(*decode_jpeg(*wide), picture(64, 48, 3)), 4.0);
  pixel::Image multi = picture(33, 20, 4);
  multi.colour = pixel::Colour::multi;
  ASSERT_TRUE(encode_jpeg(multi));
  EXPECT_EQ(decode_jpeg(*encode_jpeg(multi))->channels, 3);
}

TEST(Jpeg, SubsamplingFollowsQualityUnlessAsked) {
  const pixel::Image image = picture(64, 64, 3);
  EXPECT_EQ(inspect_jpeg(*encode_jpeg(image, {.quality = 75}))->mcu_width, 16);
  EXPECT_EQ(inspect_jpeg(*encode_jpeg(image, {.quality = 90}))->mcu_width, 8);
  EXPECT_EQ(inspect_jpeg(*encode_jpeg(image, {.quality = 95, .subsampling = Subsampling::s420}))->mcu_width, 16);
  EXPECT_EQ(inspect_jpeg(*encode_jpeg(image, {.quality = 40, .subsampling = Subsampling::s444}))->mcu_width, 8);
}

TEST(Jpeg, CarriesProfileCommentAndDensity) {
  const Bytes profile(70000, 7);
  JpegEncodeOptions options;
  options.icc = profile;
  options.comment = "made by a test";
  options.pixels_per_inch = 300;
  const auto stream = encode_jpeg(picture(20, 20, 3), options);
  ASSERT_TRUE(stream);
  EXPECT_TRUE(inspect_jpeg(*stream)->has_icc);
  EXPECT_NE(as_text(*stream).find("made by a test"), std::string_view::npos);
  EXPECT_EQ((*stream)[13], 1);
  EXPECT_EQ((*stream)[14] << 8 | (*stream)[15], 300);
}

TEST(Jpeg, InspectsWhatWasEncoded) {
  const auto stream = encode_jpeg(picture(201, 137, 3));
  const auto info = inspect_jpeg(*stream);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->width, 201);
  EXPECT_EQ(info->height, 137);
  EXPECT_EQ(info->components, 3);
  EXPECT_EQ(info->precision, 8);
  EXPECT_EQ(info->horizontal[0], 2);
  EXPECT_EQ(info->vertical[1], 1);
  EXPECT_TRUE(info->has_soi && info->has_eoi && info->has_jfif && info->has_dqt && info->has_dht);
  EXPECT_TRUE(info->tables_in_stream);
  EXPECT_FALSE(info->progressive || info->arithmetic || info->lossless || info->looks_rgb());
  EXPECT_EQ(info->adobe_transform, -1);
  EXPECT_EQ((*stream)[info->sof_offset + 1], 0xC0);
  // The head alone, cut right behind the frame header, tells the same.
  const auto head = inspect_jpeg(ByteView(*stream).first(info->sof_offset + 19));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->width, 201);
  EXPECT_EQ(head->scan_offset, 0U);
  EXPECT_EQ(inspect_jpeg(ByteView(*stream).first(info->sof_offset + 18)).error().code, Code::corrupt);
}

TEST(Jpeg, AperioTileIsAbbreviatedRgb) {
  const Bytes tables = fixture("aperio_tables.bin");
  const Bytes tile = fixture("aperio_tile.bin");
  const auto info = inspect_jpeg(ByteView(tile).first(64), tables);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->width, 240);
  EXPECT_EQ(info->height, 240);
  EXPECT_EQ(info->mcu_width, 8) << "the tag says 2x2, the frame header is right";
  EXPECT_TRUE(info->has_dqt && info->has_dht);
  EXPECT_FALSE(info->tables_in_stream);
  EXPECT_FALSE(info->has_jfif);
  EXPECT_EQ(info->adobe_transform, -1);
  EXPECT_FALSE(inspect_jpeg(tile)->has_dqt);
}

TEST(Jpeg, SplicedAperioTileHasTheRightColours) {
  const Bytes tables = fixture("aperio_tables.bin");
  const Bytes tile = fixture("aperio_tile.bin");
  const auto info = inspect_jpeg(tile, tables);
  ASSERT_TRUE(info);
  const auto prefix = build_prefix(*info, {.tables = tables, .icc = {}, .rgb_coded = true});
  ASSERT_TRUE(prefix);
  const auto spliced = decode_jpeg(joined(*prefix, ByteView(tile).subspan(2)));
  ASSERT_TRUE(spliced);
  const auto direct = decode_jpeg(tile, {.rgb_coded = true, .tables = tables});
  ASSERT_TRUE(direct);
  EXPECT_EQ(most_difference(*spliced, *direct), 0);
  // Tissue is pink on white: bright, green below red and blue. Taken for YCbCr it would be something else.
  EXPECT_GT(mean_of_channel(*spliced, 0), 150);
  EXPECT_LT(mean_of_channel(*spliced, 1), mean_of_channel(*spliced, 0));
  const auto wrong = decode_jpeg(tile, {.tables = tables});
  ASSERT_TRUE(wrong);
  EXPECT_GT(mean_difference(*wrong, *spliced), 20);
}

TEST(Jpeg, PrefixCarriesTheProfile) {
  const Bytes tables = fixture("aperio_tables.bin");
  const Bytes tile = fixture("aperio_tile.bin");
  const Bytes profile(100000, 3);
  const auto prefix =
      build_prefix(*inspect_jpeg(tile, tables), {.tables = tables, .icc = profile, .rgb_coded = true});
  ASSERT_TRUE(prefix);
  const Bytes whole = joined(*prefix, ByteView(tile).subspan(2));
  const auto info = inspect_jpeg(whole);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->has_icc);
  EXPECT_EQ(info->adobe_transform, 0);
  EXPECT_TRUE(info->tables_in_stream);
  ASSERT_TRUE(decode_jpeg(whole));
  EXPECT_EQ(build_prefix(*inspect_jpeg(tile, tables), {.tables = tables, .icc = Bytes(256 * 65519), .rgb_coded = {}})
                .error()
                .code,
            Code::too_large);
}

TEST(Jpeg, PrefixMarksYcbcrWithoutMarkers) {
  const pixel::Image image = picture(64, 64, 3);
  const Bytes bare = without_application_markers(*encode_jpeg(image));
  const auto info = inspect_jpeg(bare);
  ASSERT_TRUE(info);
  EXPECT_FALSE(info->has_jfif);
  const auto prefix = build_prefix(*info, {.tables = {}, .icc = {}, .rgb_coded = false});
  ASSERT_TRUE(prefix);
  const Bytes whole = joined(*prefix, ByteView(bare).subspan(2));
  EXPECT_EQ(inspect_jpeg(whole)->adobe_transform, 1);
  EXPECT_LT(mean_difference(*decode_jpeg(whole), image), 4);
}

TEST(Jpeg, PrefixLeavesMarkedAndGreyStreamsAlone) {
  const auto colour = encode_jpeg(picture(16, 16, 3));
  EXPECT_EQ(*build_prefix(*inspect_jpeg(*colour), {}), (Bytes{0xFF, 0xD8}));
  const Bytes grey = without_application_markers(*encode_jpeg(picture(16, 16, 1)));
  EXPECT_EQ(*build_prefix(*inspect_jpeg(grey), {}), (Bytes{0xFF, 0xD8}));
}

TEST(Jpeg, PrefixRefusesWhatMustBeDecoded) {
  JpegInfo info = *inspect_jpeg(*encode_jpeg(picture(16, 16, 3)));
  EXPECT_EQ(build_prefix(info, {.tables = {}, .icc = {}, .rgb_coded = true}).error().code, Code::unsupported)
      << "JFIF says YCbCr";
  JpegInfo other = info;
  other.components = 4;
  EXPECT_EQ(build_prefix(other, {}).error().code, Code::unsupported);
  other = info;
  other.precision = 12;
  EXPECT_EQ(build_prefix(other, {}).error().code, Code::unsupported);
  other = info;
  other.arithmetic = true;
  EXPECT_EQ(build_prefix(other, {}).error().code, Code::unsupported);
  other = info;
  other.lossless = true;
  EXPECT_EQ(build_prefix(other, {}).error().code, Code::unsupported);
  other = info;
  other.has_dht = false;
  EXPECT_EQ(build_prefix(other, {}).error().code, Code::unsupported);
}

TEST(Jpeg, TablesWithApplicationMarkersDoNotDisturb) {
  Bytes tables = fixture("aperio_tables.bin");
  const Bytes jfif = {0xFF, 0xE0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0};
  tables.insert(tables.begin() + 2, jfif.begin(), jfif.end());
  const Bytes tile = fixture("aperio_tile.bin");
  const auto prefix = build_prefix(*inspect_jpeg(tile, tables), {.tables = tables, .icc = {}, .rgb_coded = true});
  ASSERT_TRUE(prefix);
  EXPECT_EQ(as_text(*prefix).find("JFIF"), std::string_view::npos);
  EXPECT_TRUE(decode_jpeg(joined(*prefix, ByteView(tile).subspan(2))));
}

TEST(Jpeg, BodyWithoutStartOrEndDecodes) {
  const Bytes tables = fixture("aperio_tables.bin");
  const Bytes tile = fixture("aperio_tile.bin");
  const auto whole = decode_jpeg(tile, {.rgb_coded = true, .tables = tables});
  const ByteView inner = ByteView(tile).subspan(2, tile.size() - 4);
  ASSERT_FALSE(ends_with_eoi(inner));
  const auto back = decode_jpeg(inner, {.rgb_coded = true, .tables = tables});
  ASSERT_TRUE(back);
  EXPECT_EQ(most_difference(*whole, *back), 0);
}

TEST(Jpeg, DecodesScaled) {
  const pixel::Image image = picture(201, 137, 3);
  const auto stream = encode_jpeg(image, {.quality = 95});
  for (const int scale : {2, 4, 8}) {
    const auto small = decode_jpeg(*stream, {.scale_denominator = scale});
    ASSERT_TRUE(small);
    const int width = (201 + scale - 1) / scale;
    const int height = (137 + scale - 1) / scale;
    const auto expected = pixel::scale(image, {0, 0, double(width * scale), double(height * scale)}, width, height);
    EXPECT_LT(mean_difference(*small, *expected), 3) << scale;
  }
  EXPECT_EQ(decode_jpeg(*stream, {.scale_denominator = 3}).error().code, Code::bad_request);
}

TEST(Jpeg, RegionEqualsTheSamePartOfTheWhole) {
  for (const auto subsampling : {Subsampling::s420, Subsampling::s444}) {
    const auto stream = encode_jpeg(picture(403, 301, 3), {.quality = 90, .subsampling = subsampling});
    for (const int scale : {1, 2, 8}) {
      const auto whole = decode_jpeg(*stream, {.scale_denominator = scale});
      const int width = whole->width;
      const int height = whole->height;
      for (const pixel::Rect& rect : {pixel::Rect{0, 0, 1, 1},
                                      {0, 0, width, 3},
                                      {width / 3, height / 3, width / 4, height / 2},
                                      {width - 1, height - 1, 1, 1},
                                      {16 % width, 16 % height, 10, 10},
                                      {5, 0, width - 5, height}}) {
        const auto part = decode_jpeg(*stream, {.scale_denominator = scale, .region = rect});
        ASSERT_TRUE(part) << part.error().message << part.error().context;
        EXPECT_EQ(most_difference(*part, pixel::crop(*whole, rect)), 0)
            << scale << " " << rect.x << "," << rect.y << " " << rect.width << "x" << rect.height;
      }
    }
  }
}

TEST(Jpeg, DecodesIntoALargerPicture) {
  for (const int channels : {1, 3}) {
    const Bytes stream = encode_jpeg(test::picture(70, 50, channels), {.quality = 90}).value();
    for (const int scale : {1, 2}) {
      const JpegDecodeOptions options{.scale_denominator = scale};
      const pixel::Image whole = decode_jpeg(stream, options).value();
      for (const auto& [x, y] : {std::pair{10, 20}, std::pair{-13, -7}, std::pair{60, 40}, std::pair{-200, 0},
                                 std::pair{0, 500}, std::pair{5, -49}}) {
        pixel::Image target = test::picture(100, 80, channels);
        pixel::Image wanted = target;
        pixel::paste(wanted, whole, x, y);
        const auto done = decode_jpeg_into(stream, options, target, {x, y, whole.width, whole.height});
        ASSERT_TRUE(done && *done);
        EXPECT_EQ(target.data, wanted.data) << x << ',' << y << " at 1/" << scale;
      }
    }
  }
}

TEST(Jpeg, DecodesIntoNothingThatDoesNotFit) {
  const Bytes stream = encode_jpeg(test::picture(70, 50, 3)).value();
  const pixel::Image before = test::picture(100, 80, 3);
  pixel::Image target = before;
  EXPECT_FALSE(decode_jpeg_into(stream, {}, target, {0, 0, 71, 50}).value());
  EXPECT_FALSE(decode_jpeg_into(stream, {.region = pixel::Rect{0, 0, 10, 10}}, target, {0, 0, 10, 10}).value());
  pixel::Image grey = test::picture(100, 80, 1);
  EXPECT_FALSE(decode_jpeg_into(stream, {}, grey, {0, 0, 70, 50}).value());
  pixel::Image deep = test::picture(100, 80, 3, pixel::Sample::u16);
  EXPECT_FALSE(decode_jpeg_into(stream, {}, deep, {0, 0, 70, 50}).value());
  EXPECT_EQ(target.data, before.data);
  const auto cut = decode_jpeg_into(ByteView(stream).first(stream.size() / 2), {}, target, {0, 0, 70, 50});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::corrupt);
}

TEST(Jpeg, RegionMustLieInside) {
  const auto stream = encode_jpeg(picture(40, 30, 3));
  for (const pixel::Rect& rect : {pixel::Rect{0, 0, 41, 1},
                                  {-1, 0, 4, 4},
                                  {40, 0, 1, 1},
                                  {0, 0, 0, 4},
                                  {1, 1, INT64_MAX, 1},
                                  {INT64_MAX, 1, 1, 1}}) {
    EXPECT_EQ(decode_jpeg(*stream, {.region = rect}).error().code, Code::bad_request);
  }
}

TEST(Jpeg, LumaOnly) {
  const auto stream = encode_jpeg(picture(40, 30, 3));
  const auto grey = decode_jpeg(*stream, {.luma_only = true});
  ASSERT_TRUE(grey);
  EXPECT_EQ(grey->channels, 1);
  EXPECT_LT(mean_difference(*grey, pixel::to_grey(picture(40, 30, 3))), 3);
}

TEST(Jpeg, RefusesTooManyPixelsBeforeDecoding) {
  auto stream = *encode_jpeg(picture(64, 64, 3));
  const auto info = inspect_jpeg(stream);
  for (const int i : {5, 6, 7, 8}) {
    stream[info->sof_offset + i] = 0xFA;  // claims 64250 x 64250
  }
  EXPECT_EQ(decode_jpeg(stream).error().code, Code::too_large);
  EXPECT_EQ(crop_jpeg(stream, 8, 8).error().code, Code::too_large);
  EXPECT_EQ(transform_jpeg(stream, {.transform = JpegTransform::transpose}).error().code, Code::too_large);
  EXPECT_EQ(decode_jpeg(*encode_jpeg(picture(64, 64, 3)), {.max_pixels = 4095}).error().code, Code::too_large);
}

TEST(Jpeg, EveryTruncationIsAnErrorAndNothingElse) {
  const auto stream = encode_jpeg(picture(64, 48, 3));
  const auto scan = inspect_jpeg(*stream)->scan_offset;
  for (std::size_t size = 0; size < stream->size() - 8; ++size) {
    const auto result = decode_jpeg(ByteView(*stream).first(size));
    if (size < scan || size < stream->size() / 2) {
      ASSERT_FALSE(result) << size;
      EXPECT_EQ(result.error().code, Code::corrupt) << size;
    }
    (void)crop_jpeg(ByteView(*stream).first(size), 16, 16);
    (void)transform_jpeg(ByteView(*stream).first(size), {.transform = JpegTransform::rotate90});
  }
  const auto tolerated = decode_jpeg(ByteView(*stream).first(stream->size() / 2), {.tolerant = true});
  if (scan < stream->size() / 2) {
    EXPECT_TRUE(tolerated);
  }
}

TEST(Jpeg, FlippedBytesNeverCrash) {
  const auto good = encode_jpeg(picture(64, 48, 3));
  unsigned state = 1;
  for (int round = 0; round < 2000; ++round) {
    Bytes broken = *good;
    for (int i = 0; i < 4; ++i) {
      state = state * 1664525 + 1013904223;
      broken[(state >> 8) % broken.size()] = static_cast<std::uint8_t>(state >> 24);
    }
    (void)inspect_jpeg(broken);
    (void)decode_jpeg(broken, {.max_pixels = 1 << 20});
    (void)crop_jpeg(broken, 24, 24, {.max_pixels = 1 << 20});
  }
}

TEST(Jpeg, GarbageIsCorrupt) {
  for (const std::string_view bytes : {"", "\xFF", "\xFF\xD8", "GIF89a", "\xFF\xD8\xFF\xD9", "\xFF\xD8\xFF\xC0"}) {
    EXPECT_EQ(inspect_jpeg(as_bytes(bytes)).error().code, Code::corrupt);
    EXPECT_EQ(decode_jpeg(as_bytes(bytes)).error().code, Code::corrupt);
  }
}

TEST(Jpeg, RefusesEmptyAndHugePictures) {
  EXPECT_EQ(encode_jpeg({}).error().code, Code::bad_request);
  EXPECT_EQ(encode_jpeg(pixel::Image::make(70000, 1, 1, pixel::Colour::grey)).error().code, Code::bad_request);
}

}  // namespace
}  // namespace microtome::codec
