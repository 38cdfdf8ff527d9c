// SPDX-License-Identifier: Apache-2.0
#include "codec/png.hpp"

#include <gtest/gtest.h>
#include <png.h>

#include "codec/deflate.hpp"
#include "codec/picture_for_test.hpp"
#include "pixel/blit.hpp"

namespace microtome::codec {
namespace {

using test::picture;

void append_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void append_chunk(Bytes& out, std::string_view kind, ByteView body) {
  append_u32(out, static_cast<std::uint32_t>(body.size()));
  Bytes checked(kind.begin(), kind.end());
  checked.insert(checked.end(), body.begin(), body.end());
  out.insert(out.end(), checked.begin(), checked.end());
  append_u32(out, crc32(checked));
}

// A PNG of raw rows (each with its filter byte), for kinds that our writer does not write.
Bytes handmade(std::uint32_t width, std::uint32_t height, int bits, int type, ByteView rows,
               std::initializer_list<std::pair<std::string_view, Bytes>> extra = {}, int interlace = 0) {
  Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  Bytes header;
  append_u32(header, width);
  append_u32(header, height);
  for (const int value : {bits, type, 0, 0, interlace}) {
    header.push_back(static_cast<std::uint8_t>(value));
  }
  append_chunk(out, "IHDR", header);
  for (const auto& [kind, body] : extra) {
    append_chunk(out, kind, body);
  }
  append_chunk(out, "IDAT", *deflate(rows, Wrapper::zlib));
  append_chunk(out, "IEND", {});
  return out;
}

TEST(Png, RoundTripsExactly) {
  for (const auto sample : {pixel::Sample::u8, pixel::Sample::u16}) {
    for (const int channels : {1, 2, 3, 4}) {
      for (const auto filter : {PngFilter::none, PngFilter::sub, PngFilter::up, PngFilter::adaptive}) {
        for (const auto& [width, height] : {std::pair{1, 1}, {3, 5}, {201, 137}}) {
          const pixel::Image image = picture(width, height, channels, sample);
          PngEncodeOptions options;
          options.filter = filter;
          const auto stream = encode_png(image, options);
          ASSERT_TRUE(stream);
          const auto back = decode_png(*stream);
          ASSERT_TRUE(back) << back.error().context;
          EXPECT_EQ(back->data, image.data);
          EXPECT_EQ(back->colour, image.colour);
          EXPECT_EQ(back->sample, image.sample);
          const auto info = inspect_png(*stream);
          ASSERT_TRUE(info);
          EXPECT_EQ(info->channels, channels);
          EXPECT_EQ(info->bits, sample == pixel::Sample::u8 ? 8 : 16);
          EXPECT_EQ(info->alpha, channels % 2 == 0);
        }
      }
    }
  }
}

TEST(Png, EveryLevelRoundTrips) {
  const pixel::Image image = picture(333, 211, 3);
  for (const int level : {-1, 0, 1, 2, 6, 12}) {
    EXPECT_EQ(decode_png(*encode_png(image, {.level = level}))->data, image.data) << level;
  }
}

TEST(Png, StripsGiveTheSamePicture) {
  for (const auto sample : {pixel::Sample::u8, pixel::Sample::u16}) {
    for (const auto filter : {PngFilter::sub, PngFilter::up, PngFilter::adaptive}) {
      const pixel::Image image = picture(700, 300, 3, sample);  // several bands
      auto stream = PngStream::begin(700, 300, pixel::Colour::rgb, sample, {.filter = filter});
      ASSERT_TRUE(stream);
      Bytes all;
      int y = 0;
      for (const int rows : {1, 100, 7, 192}) {
        EXPECT_EQ(stream->finish().error().code, Code::bad_request) << "rows are missing";
        ASSERT_TRUE(stream->add(pixel::crop(image, {0, y, 700, rows})));
        y += rows;
        const Bytes part = stream->take();
        all.insert(all.end(), part.begin(), part.end());
      }
      EXPECT_EQ(stream->add(pixel::crop(image, {0, 0, 700, 1})).error().code, Code::bad_request) << "too many rows";
      ASSERT_TRUE(stream->finish());
      const Bytes part = stream->take();
      all.insert(all.end(), part.begin(), part.end());
      const auto back = decode_png(all);
      ASSERT_TRUE(back) << back.error().context;
      EXPECT_EQ(back->data, image.data);
    }
  }
}

TEST(Png, StripsMustFit) {
  auto stream = PngStream::begin(10, 10, pixel::Colour::rgb, pixel::Sample::u8);
  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->add(picture(9, 1, 3)).error().code, Code::bad_request);
  EXPECT_EQ(stream->add(picture(10, 1, 4)).error().code, Code::bad_request);
  EXPECT_EQ(stream->add(picture(10, 11, 3)).error().code, Code::bad_request);
  EXPECT_EQ(stream->add(picture(10, 1, 3, pixel::Sample::u16)).error().code, Code::bad_request);
  EXPECT_FALSE(PngStream::begin(10, 10, pixel::Colour::cmyk, pixel::Sample::u8));
  EXPECT_FALSE(PngStream::begin(10, 10, pixel::Colour::rgb, pixel::Sample::f32));
  EXPECT_FALSE(PngStream::begin(0, 10, pixel::Colour::rgb, pixel::Sample::u8));
}

// Noise does not pack: the packer's output is larger than its input.
TEST(Png, NoiseRoundTrips) {
  pixel::Image image = pixel::Image::make(500, 200, 4, pixel::Colour::rgba);
  unsigned state = 7;
  for (auto& byte : image.data) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  EXPECT_EQ(decode_png(*encode_png(image))->data, image.data);
}

TEST(Png, LibpngsOwnSimpleReaderAgrees) {
  const pixel::Image image = picture(77, 33, 3);
  const auto stream = encode_png(image, {.filter = PngFilter::adaptive});
  png_image reader{};
  reader.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_memory(&reader, stream->data(), stream->size()), 0);
  EXPECT_EQ(reader.warning_or_error, 0U) << reader.message;
  reader.format = PNG_FORMAT_RGB;
  Bytes pixels(PNG_IMAGE_SIZE(reader));
  ASSERT_NE(png_image_finish_read(&reader, nullptr, pixels.data(), 0, nullptr), 0) << reader.message;
  EXPECT_EQ(pixels, image.data);
}

TEST(Png, OtherKindsAreBroughtToTheNearest) {
  pixel::Image real = pixel::Image::make(2, 1, 1, pixel::Colour::grey, pixel::Sample::f32);
  reinterpret_cast<float*>(real.row(0))[1] = 1.0F;
  const auto back = decode_png(*encode_png(real));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->data, (Bytes{0, 255}));
  pixel::Image ink = pixel::Image::make(1, 1, 4, pixel::Colour::cmyk);
  EXPECT_EQ(decode_png(*encode_png(ink))->data, (Bytes{255, 255, 255}));
}

TEST(Png, CarriesProfileAndResolution) {
  const Bytes profile(4000, 1);
  PngEncodeOptions options;
  options.icc = profile;
  options.pixels_per_metre = 11811;
  const auto stream = encode_png(picture(9, 9, 3), options);
  const std::string_view text = as_text(*stream);
  const auto icc = text.find("iCCP");
  ASSERT_NE(icc, std::string_view::npos);
  EXPECT_EQ(*inflate(ByteView(*stream).subspan(icc + 9), Wrapper::zlib, 10000), profile);
  const auto resolution = text.find("pHYs");
  ASSERT_NE(resolution, std::string_view::npos);
  EXPECT_EQ((*stream)[resolution + 6] << 8 | (*stream)[resolution + 7], 11811);
  EXPECT_TRUE(decode_png(*stream));
}

TEST(Png, ExpandsPalettesAndFewBits) {
  const Bytes palette = {10, 20, 30, 40, 50, 60};
  const Bytes rows = {0, 0x40};  // 1 bit a pixel: 0, 1
  const auto plain = decode_png(handmade(2, 1, 1, 3, rows, {{"PLTE", palette}}));
  ASSERT_TRUE(plain) << plain.error().context;
  EXPECT_EQ(plain->data, palette);
  const auto clear = decode_png(handmade(2, 1, 1, 3, rows, {{"PLTE", palette}, {"tRNS", {0}}}));
  ASSERT_TRUE(clear);
  EXPECT_EQ(clear->data, (Bytes{10, 20, 30, 0, 40, 50, 60, 255}));
  EXPECT_EQ(inspect_png(handmade(2, 1, 1, 3, rows, {{"PLTE", palette}, {"tRNS", {0}}}))->channels, 4);
  const auto grey = decode_png(handmade(2, 1, 2, 0, Bytes{0, 0x70}));  // 2 bits: 1, 3
  ASSERT_TRUE(grey);
  EXPECT_EQ(grey->data, (Bytes{85, 255}));
}

TEST(Png, ReadsInterlaced) {
  // Adam7 of 2x2: pass 1 has (0,0), pass 6 (1,0), pass 7 the row y = 1.
  const auto image = decode_png(handmade(2, 2, 8, 0, Bytes{0, 1, 0, 2, 0, 3, 4}, {}, 1));
  ASSERT_TRUE(image) << image.error().context;
  EXPECT_EQ(image->data, (Bytes{1, 2, 3, 4}));
}

TEST(Png, RefusesTooManyPixels) {
  const Bytes bomb = handmade(100000, 100000, 8, 2, Bytes(100));
  EXPECT_EQ(decode_png(bomb).error().code, Code::too_large);
  EXPECT_EQ(decode_png(*encode_png(picture(10, 10, 1)), 99).error().code, Code::too_large);
}

TEST(Png, BrokenIsCorrupt) {
  const auto good = encode_png(picture(40, 30, 3));
  for (std::size_t size = 0; size < good->size(); ++size) {
    const auto result = decode_png(ByteView(*good).first(size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, Code::corrupt) << size;
  }
  for (std::size_t i = 0; i < good->size(); ++i) {
    Bytes broken = *good;
    broken[i] ^= 0x55;
    EXPECT_FALSE(decode_png(broken, 1 << 20)) << i << ": every byte is covered by a check sum";
  }
  EXPECT_EQ(decode_png(handmade(4, 4, 8, 2, Bytes(5))).error().code, Code::corrupt) << "too few rows";
  EXPECT_EQ(decode_png(handmade(4, 1, 8, 3, Bytes(5))).error().code, Code::corrupt) << "palette missing";
  EXPECT_EQ(encode_png({}).error().code, Code::bad_request);
}

}  // namespace
}  // namespace microtome::codec
