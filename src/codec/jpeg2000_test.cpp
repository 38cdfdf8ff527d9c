// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg2000.hpp"

#include <gtest/gtest.h>

#include "codec/jpeg.hpp"
#include "codec/jpeg2000_for_test.hpp"
#include "pixel/blit.hpp"
#include "pixel/convert.hpp"

namespace microtome::codec {
namespace {

using test::add_header_box;
using test::encode_jpeg2000;
using test::Jpeg2000Options;
using test::mean_difference;
using test::picture;
using test::source_of;

Result<pixel::Image> whole(const Bytes& bytes, int reduction = 0) {
  const auto source = source_of(bytes);
  const auto info = inspect_jpeg2000(source);
  if (!info) {
    return std::unexpected(info.error());
  }
  return decode_jpeg2000(source, *info, reduction, {0, 0, info->width_at(reduction), info->height_at(reduction)});
}

// With the given bits in u16, or in u8.
pixel::Image cut_to(pixel::Image image, int bits) {
  const int down = (image.sample == pixel::Sample::u8 ? 8 : 16) - bits;
  for (int y = 0; y < image.height; ++y) {
    for (int i = 0; i < image.width * image.channels; ++i) {
      if (image.sample == pixel::Sample::u8) {
        image.row(y)[i] = static_cast<std::uint8_t>(image.row(y)[i] >> down);
      } else {
        auto* row = reinterpret_cast<std::uint16_t*>(image.row(y));
        row[i] = static_cast<std::uint16_t>(row[i] >> down);
      }
    }
  }
  return image;
}

TEST(Jpeg2000, ReadsEveryKindExactly) {
  for (const int channels : {1, 2, 3, 4}) {
    for (const bool jp2 : {true, false}) {
      for (const int tile : {0, 64}) {
        const pixel::Image image = picture(201, 137, channels);
        const Bytes bytes = encode_jpeg2000(image, {.tile = tile, .jp2 = jp2});
        ASSERT_FALSE(bytes.empty());
        const auto info = inspect_jpeg2000(source_of(bytes));
        ASSERT_TRUE(info) << info.error().context;
        EXPECT_EQ(info->width, 201);
        EXPECT_EQ(info->height, 137);
        EXPECT_EQ(info->resolutions, 4);
        EXPECT_EQ(info->tile_width, tile == 0 ? 201 : 64);
        EXPECT_FALSE(info->ht);
        if (jp2) {
          EXPECT_EQ(info->colour, image.colour);
        }
        const auto back = whole(bytes);
        ASSERT_TRUE(back) << back.error().context;
        EXPECT_EQ(back->data, image.data) << channels << jp2 << tile;
      }
    }
  }
}

TEST(Jpeg2000, WindowsArePartsOfTheWhole) {
  const pixel::Image image = picture(401, 337, 3);
  for (const Jpeg2000Options& options :
       {Jpeg2000Options{}, Jpeg2000Options{.tile = 100}, Jpeg2000Options{.precinct = 7},
        Jpeg2000Options{.tile = 128, .left = 37, .top = 21}, Jpeg2000Options{.chroma_step = 2},
        Jpeg2000Options{.step = 2}, Jpeg2000Options{.chroma_step = 2, .step = 3, .left = 6, .top = 12}}) {
    const Bytes bytes = encode_jpeg2000(image, options);
    const auto source = source_of(bytes);
    const auto info = inspect_jpeg2000(source);
    ASSERT_TRUE(info) << info.error().context;
    EXPECT_EQ(info->width, 401);
    for (int reduction = 0; reduction < 3; ++reduction) {
      const auto all = whole(bytes, reduction);
      ASSERT_TRUE(all) << all.error().context;
      const pixel::Rect area{32 >> reduction, 64 >> reduction, 128 >> reduction, 96 >> reduction};
      const auto part = decode_jpeg2000(source, *info, reduction, area);
      ASSERT_TRUE(part) << part.error().context;
      EXPECT_EQ(part->data, pixel::crop(*all, area).data)
          << "tile " << options.tile << " left " << options.left << " reduction " << reduction;
    }
    if (options.chroma_step == 1) {
      EXPECT_EQ(whole(bytes)->data, image.data);
    }
  }
}

TEST(Jpeg2000, ReducedIsTheSamePictureSmaller) {
  const pixel::Image image = picture(400, 300, 3);
  const auto half = whole(encode_jpeg2000(image), 1);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->width, 200);
  double sum = 0;
  for (int y = 0; y < 150; ++y) {
    for (int i = 0; i < 600; ++i) {
      sum += std::abs(half->row(y)[i] - image.row(2 * y)[2 * (i / 3) * 3 + i % 3]);
    }
  }
  EXPECT_LT(sum / (600 * 150), 4);
}

TEST(Jpeg2000, KeepsDepth) {
  for (const int bits : {1, 4, 8, 10, 12, 16}) {
    for (const bool is_signed : {false, true}) {
      const auto sample = bits > 8 ? pixel::Sample::u16 : pixel::Sample::u8;
      const pixel::Image stored = cut_to(picture(90, 70, 1, sample), bits);
      const auto back = whole(encode_jpeg2000(stored, {.bits = bits, .is_signed = is_signed}));
      ASSERT_TRUE(back) << back.error().context;
      ASSERT_EQ(back->sample, sample);
      pixel::Image expected = stored;
      if (bits < 8) {
        for (auto& value : expected.data) {
          value = static_cast<std::uint8_t>(value * 255 / ((1 << bits) - 1));
        }
      }
      EXPECT_EQ(back->data, expected.data) << bits << is_signed;
    }
  }
}

TEST(Jpeg2000, TurnsSyccIntoRgb) {
  // Y 100, Cb 90, Cr 200.
  pixel::Image ycc = pixel::Image::make(64, 48, 3, pixel::Colour::rgb);
  for (std::size_t i = 0; i < ycc.data.size(); i += 3) {
    ycc.data[i] = 100;
    ycc.data[i + 1] = 90;
    ycc.data[i + 2] = 200;
  }
  for (const int step : {1, 2}) {
    const auto rgb = whole(encode_jpeg2000(ycc, {.chroma_step = step, .space = OPJ_CLRSPC_SYCC}));
    ASSERT_TRUE(rgb) << rgb.error().context;
    EXPECT_EQ(rgb->row(47)[63 * 3], 201);
    EXPECT_EQ(rgb->row(47)[63 * 3 + 1], 62);
    EXPECT_EQ(rgb->row(47)[63 * 3 + 2], 33);
  }
}

TEST(Jpeg2000, AppliesPalettes) {
  pixel::Image indices = pixel::Image::make(40, 30, 1, pixel::Colour::grey);
  for (std::size_t i = 0; i < indices.data.size(); ++i) {
    indices.data[i] = static_cast<std::uint8_t>(i % 3);
  }
  Bytes bytes = encode_jpeg2000(indices);
  // Three entries of three columns of 8 bits; component 0 goes through each column.
  add_header_box(bytes, "pclr", {0, 3, 3, 7, 7, 7, 255, 0, 0, 0, 200, 0, 10, 20, 30});
  add_header_box(bytes, "cmap", {0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 2});
  const auto info = inspect_jpeg2000(source_of(bytes));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->channels, 3);
  EXPECT_EQ(info->colour, pixel::Colour::rgb);
  const auto rgb = whole(bytes);
  ASSERT_TRUE(rgb) << rgb.error().context;
  const std::vector<std::uint8_t> first(rgb->row(0), rgb->row(0) + 9);
  EXPECT_EQ(first, (std::vector<std::uint8_t>{255, 0, 0, 0, 200, 0, 10, 20, 30}));
}

TEST(Jpeg2000, ReadsProfileAndResolution) {
  const Bytes profile(301, 4);
  Bytes bytes = encode_jpeg2000(picture(30, 20, 3));
  bytes[as_text(bytes).find("colr")] = 'x';  // a box that nobody knows
  Bytes colour = {2, 0, 0};
  colour.insert(colour.end(), profile.begin(), profile.end());
  add_header_box(bytes, "colr", colour);
  // 2 x 10^6 points a metre: half a micrometre a pixel.
  Bytes res = {0, 0, 0, 18, 'r', 'e', 's', 'c', 0, 4, 0, 2, 0, 2, 0, 1, 6, 6};
  add_header_box(bytes, "res ", res);
  const auto info = inspect_jpeg2000(source_of(bytes));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->icc, profile);
  EXPECT_DOUBLE_EQ(info->um_per_pixel_y.value_or(0), 0.5);
  EXPECT_DOUBLE_EQ(info->um_per_pixel_x.value_or(0), 0.5);
}

TEST(Jpeg2000, ReadsHighThroughput) {
  const Bytes bytes = test::fixture("slide_ht.j2c");
  ASSERT_FALSE(bytes.empty());
  const auto info = inspect_jpeg2000(source_of(bytes));
  ASSERT_TRUE(info) << info.error().context;
  EXPECT_TRUE(info->ht);
  const auto back = whole(bytes);
  ASSERT_TRUE(back) << back.error().context;
  const auto expected = decode_jpeg(test::fixture("aperio_tile.bin"),
                                    {.rgb_coded = true, .tables = test::fixture("aperio_tables.bin")});
  ASSERT_TRUE(expected);
  EXPECT_EQ(back->data, expected->data) << "it is lossless";
}

TEST(Jpeg2000, BrokenIsRefused) {
  for (const int tile : {0, 32}) {
    const Bytes good = encode_jpeg2000(picture(60, 50, 3), {.tile = tile});
    for (std::size_t size = 0; size + 2 < good.size(); size += size < 300 ? 1 : 211) {
      const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
      const auto back = whole(cut);  // the last bytes of a code block may be missing unnoticed
      if (!back) {
        EXPECT_NE(back.error().code, Code::internal) << size;
      }
    }
    const Bytes half(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(good.size() / 2));
    EXPECT_FALSE(whole(half));
    for (std::size_t at = 0; at < good.size(); at += at < 250 ? 1 : 157) {
      Bytes bad = good;
      bad[at] ^= 0x55;
      (void)whole(bad);  // must end
    }
  }
}

// Changes SIZ: offsets from the marker.
Bytes with_size(Bytes bytes, std::size_t at, std::uint32_t value) {
  const std::size_t siz = as_text(bytes).find("\xff\x51");
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[siz + at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  }
  return bytes;
}

// Each packet takes a byte at least. OpenJPEG goes through all that are announced, also after the last byte: for
// minutes.
TEST(Jpeg2000, MorePacketsThanBytesAreRefused) {
  Bytes bad = encode_jpeg2000(picture(500, 400, 3), {.precinct = 5, .jp2 = false});
  const std::size_t cod = as_text(bad).find("\xff\x52");
  bad[cod + 6] = 0xff;  // layers
  bad[cod + 7] = 0xff;
  EXPECT_EQ(inspect_jpeg2000(source_of(bad)).error().code, Code::corrupt);
  bad[cod + 6] = 0;  // a few more than there are, as after a cut, are no harm
  bad[cod + 7] = 2;
  EXPECT_TRUE(inspect_jpeg2000(source_of(bad)));
}

TEST(Jpeg2000, LiesAboutSizeCostNothing) {
  const Bytes good = encode_jpeg2000(picture(100, 80, 3), {.precinct = 5});
  constexpr std::size_t kWidth = 6;
  constexpr std::size_t kHeight = 10;
  constexpr std::size_t kTileWidth = 22;
  constexpr std::size_t kTileHeight = 26;
  EXPECT_EQ(inspect_jpeg2000(source_of(with_size(with_size(good, kTileWidth, 1), kTileHeight, 1))).error().code,
            Code::corrupt);
  Bytes huge = with_size(with_size(good, kWidth, 2'000'000'000), kHeight, 2'000'000'000);
  huge = with_size(with_size(huge, kTileWidth, 2'000'000'000), kTileHeight, 2'000'000'000);
  EXPECT_EQ(inspect_jpeg2000(source_of(huge)).error().code, Code::too_large);
  EXPECT_EQ(inspect_jpeg2000(source_of(with_size(good, kWidth, 0))).error().code, Code::corrupt);
  EXPECT_EQ(inspect_jpeg2000(source_of(with_size(good, kWidth, 0xffffffff))).error().code, Code::corrupt);
}

}  // namespace
}  // namespace microtome::codec
