// SPDX-License-Identifier: Apache-2.0
// GIF, JPEG 2000 and PDF, as far as a test without their readers can see. tests/http/iiif_formats.test.mjs has
// libvips read them.
#include <gtest/gtest.h>

#include <string>

#include "codec/encode.hpp"
#include "codec/gif.hpp"
#include "codec/jp2_encode.hpp"
#include "codec/jpeg.hpp"
#include "codec/pdf.hpp"
#include "codec/picture_for_test.hpp"

namespace microtome::codec {
namespace {

// Reads what encode_gif writes: one picture, a global table.
pixel::Image decode_gif(const Bytes& gif, int& transparent) {
  const auto at16 = [&](std::size_t at) { return gif[at] | gif[at + 1] << 8; };
  const int width = at16(6);
  const int height = at16(8);
  std::size_t at = 13 + 3 * (std::size_t{2} << (gif[10] & 7));
  transparent = -1;
  if (gif[at] == 0x21) {
    transparent = gif[at + 6];
    at += 8;
  }
  EXPECT_EQ(gif[at], 0x2c);
  const int bits = gif[at + 10];
  at += 11;
  Bytes data;
  while (gif[at] != 0) {
    data.insert(data.end(), gif.begin() + static_cast<std::ptrdiff_t>(at + 1),
                gif.begin() + static_cast<std::ptrdiff_t>(at + 1 + gif[at]));
    at += 1U + gif[at];
  }
  EXPECT_EQ(gif[at + 1], 0x3b);
  EXPECT_EQ(at + 2, gif.size());
  std::vector<Bytes> table;
  std::size_t bit = 0;
  int size = bits + 1;
  const auto clear = [&] {
    table.assign((1U << bits) + 2, {});
    for (unsigned i = 0; i < (1U << bits); ++i) {
      table[i] = {static_cast<std::uint8_t>(i)};
    }
    size = bits + 1;
  };
  Bytes pixels;
  Bytes before;
  while (true) {
    unsigned code = 0;
    for (int i = 0; i < size; ++i, ++bit) {
      code |= (data.at(bit / 8) >> (bit % 8) & 1U) << i;
    }
    if (code == 1U << bits) {
      clear();
      before.clear();
      continue;
    }
    if (code == (1U << bits) + 1) {
      break;
    }
    Bytes entry = code < table.size() ? table[code] : before;
    if (code >= table.size()) {
      EXPECT_EQ(code, table.size());
      entry.push_back(before.at(0));
    }
    pixels.insert(pixels.end(), entry.begin(), entry.end());
    if (!before.empty() && table.size() < 4096) {
      before.push_back(entry[0]);
      table.push_back(before);
      if (table.size() == 1U << size && size < 12) {
        ++size;
      }
    }
    before = entry;
  }
  EXPECT_EQ(pixels.size(), static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  pixel::Image image = pixel::Image::make(width, height, 4, pixel::Colour::rgba);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int index =
          pixels.at(static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x));
      std::copy_n(gif.begin() + 13 + 3 * index, 3, image.row(y) + 4 * x);
      image.row(y)[4 * x + 3] = index == transparent ? 0 : 255;
    }
  }
  return image;
}

pixel::Image without_alpha(const pixel::Image& image) {
  return pixel::compose(image, {0, 0, 0});
}

TEST(Gif, FewColoursAreExact) {
  pixel::Image image = pixel::Image::make(300, 200, 3, pixel::Colour::rgb);
  for (int y = 0; y < 200; ++y) {
    for (int x = 0; x < 300; ++x) {
      image.row(y)[3 * x] = static_cast<std::uint8_t>(x / 30 * 25);
      image.row(y)[3 * x + 1] = static_cast<std::uint8_t>(y / 20 * 25);
      image.row(y)[3 * x + 2] = 7;
    }
  }
  const auto gif = encode_gif(image);
  ASSERT_TRUE(gif);
  int transparent = 0;
  EXPECT_EQ(test::most_difference(without_alpha(decode_gif(*gif, transparent)), image), 0);
  EXPECT_EQ(transparent, -1);
}

TEST(Gif, ManyColoursAreNear) {
  const pixel::Image image = test::picture(640, 480, 3);
  const auto gif = encode_gif(image);
  ASSERT_TRUE(gif);
  int transparent = 0;
  EXPECT_LT(test::mean_difference(without_alpha(decode_gif(*gif, transparent)), image), 8);
}

TEST(Gif, GreyAndNoiseGoThroughAllWidthsOfCodes) {
  pixel::Image image = pixel::Image::make(500, 400, 1, pixel::Colour::grey);
  std::uint32_t state = 1;
  for (int y = 0; y < 400; ++y) {
    for (int x = 0; x < 500; ++x) {
      state = state * 1664525 + 1013904223;
      image.row(y)[x] = static_cast<std::uint8_t>(state >> 24);
    }
  }
  const auto gif = encode_gif(image);
  ASSERT_TRUE(gif);
  int transparent = 0;
  EXPECT_EQ(test::most_difference(pixel::to_grey(without_alpha(decode_gif(*gif, transparent))), image), 0);
}

TEST(Gif, AlphaBecomesTransparent) {
  pixel::Image image = test::picture(64, 64, 4);
  for (int x = 0; x < 64; ++x) {
    image.row(3)[4 * x + 3] = 0;
    image.row(4)[4 * x + 3] = 255;
  }
  const auto gif = encode_gif(image);
  ASSERT_TRUE(gif);
  int transparent = 0;
  const pixel::Image read = decode_gif(*gif, transparent);
  EXPECT_EQ(read.row(3)[4 * 9 + 3], 0);
  EXPECT_EQ(read.row(4)[4 * 9 + 3], 255);
}

TEST(Gif, OnePixel) {
  const auto gif = encode_gif(test::picture(1, 1, 3));
  ASSERT_TRUE(gif);
  int transparent = 0;
  EXPECT_EQ(decode_gif(*gif, transparent).width, 1);
}

TEST(Jp2, HasItsBoxesAndGetsSmallerWithQuality) {
  const pixel::Image image = test::picture(300, 200, 3);
  const auto fine = encode_jp2(image, {.quality = 95});
  const auto coarse = encode_jp2(image, {.quality = 20});
  const auto exact = encode_jp2(image, {.lossless = true});
  ASSERT_TRUE(fine && coarse && exact);
  const std::string start(fine->begin() + 4, fine->begin() + 8);
  EXPECT_EQ(start, "jP  ");
  EXPECT_LT(coarse->size(), fine->size());
  EXPECT_LT(fine->size(), exact->size());
  for (const int channels : {1, 2, 4}) {
    EXPECT_TRUE(encode_jp2(test::picture(33, 1, channels)));
  }
  EXPECT_TRUE(encode_jp2(test::picture(40, 40, 3, pixel::Sample::u16)));
}

TEST(Pdf, HoldsTheJpegAndATableThatPointsAtItsObjects) {
  const auto jpeg = encode_jpeg(test::picture(300, 200, 3));
  ASSERT_TRUE(jpeg);
  const auto pdf = write_pdf(*jpeg, 144);
  ASSERT_TRUE(pdf);
  const std::string text(pdf->begin(), pdf->end());
  EXPECT_TRUE(text.starts_with("%PDF-1.4"));
  EXPECT_NE(text.find(std::string(jpeg->begin(), jpeg->end())), std::string::npos);
  EXPECT_NE(text.find("/MediaBox [0 0 150.000 100.000]"), std::string::npos);
  const std::size_t table = std::stoul(text.substr(text.rfind("startxref\n") + 10));
  ASSERT_EQ(text.substr(table, 5), "xref\n");
  for (int i = 1; i <= 5; ++i) {
    const std::size_t offset =
        std::stoul(text.substr(text.find('\n', table + 5) + 1 + 20UL * static_cast<unsigned>(i), 10));
    EXPECT_EQ(text.substr(offset, 7), std::to_string(i) + " 0 obj");
  }
}

}  // namespace
}  // namespace microtome::codec
