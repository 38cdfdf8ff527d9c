// SPDX-License-Identifier: Apache-2.0
// Pictures without tiles: plain JPEG, PNG and WebP files, and TIFF in strips, through their virtual levels.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "codec/encode.hpp"
#include "codec/jpeg.hpp"
#include "image/orient.hpp"
#include "image/picture.hpp"
#include "image/tiff_for_test.hpp"
#include "pixel/blit.hpp"

namespace microtome::image {
namespace {

using namespace std::string_view_literals;

pixel::Image made_image(int width, int height, int channels) {
  constexpr std::array kColours = {pixel::Colour::grey, pixel::Colour::grey_alpha, pixel::Colour::rgb,
                                   pixel::Colour::rgba};
  pixel::Image image = pixel::Image::make(width, height, channels, kColours[channels - 1]);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.row(y)[x * channels + c] = static_cast<std::uint8_t>(255 * test::value_at(x, y, c));
      }
    }
  }
  return image;
}

Result<PicturePtr> open(const Bytes& bytes, const OpenLimits& limits = {}) {
  auto file = test::in_memory(bytes);
  return file ? open_picture(*file, limits) : pass(file.error());
}

Result<pixel::Image> region(const Picture& picture, int level, const pixel::Rect& rect) {
  int reduction = 8;
  auto image = picture.decode_region(level, rect, &reduction, {});
  EXPECT_EQ(reduction, 1);
  return image;
}

std::string sizes(const PictureInfo& info) {
  std::string text;
  for (const Level& level : info.levels) {
    text += (text.empty() ? "" : " ") + std::to_string(level.width) + "x" + std::to_string(level.height);
  }
  return text;
}

double mean_difference(const pixel::Image& one, const pixel::Image& other) {
  EXPECT_EQ(one.width, other.width);
  EXPECT_EQ(one.height, other.height);
  EXPECT_EQ(one.channels, other.channels);
  double sum = 0;
  for (std::size_t i = 0; i < std::min(one.data.size(), other.data.size()); ++i) {
    sum += std::abs(one.data[i] - other.data[i]);
  }
  return sum / static_cast<double>(one.data.size());
}

void insert_after_soi(Bytes& jpeg, std::uint8_t marker, std::string_view body) {
  Bytes segment{0xff, marker, static_cast<std::uint8_t>((body.size() + 2) >> 8),
                static_cast<std::uint8_t>(body.size() + 2)};
  segment.insert(segment.end(), body.begin(), body.end());
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
}

std::string exif(char orientation) {
  std::string block("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"sv);
  return block + orientation + std::string("\0\0\0\0\0\0"sv);
}

TEST(PlainPicture, has_halving_levels_down_to_one_tile) {
  const auto picture = open(*codec::encode(made_image(700, 501, 3), codec::Format::jpeg, {.quality = 90}));
  ASSERT_TRUE(picture);
  const PictureInfo& info = (*picture)->info();
  EXPECT_EQ(sizes(info), "700x501 350x251 175x126");
  EXPECT_FALSE(info.has_tiles);
  EXPECT_EQ(info.levels[0].tile_width, 256);
  const auto stored = (*picture)->stored_tile(0, 2, 1, false);
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->stored, Stored::none);
  EXPECT_EQ((*stored)->visible_width, 188);
  EXPECT_EQ((*stored)->visible_height, 245);
  EXPECT_EQ((*picture)->stored_tile(0, 3, 0, true).error().code, Code::not_found);
  EXPECT_EQ((*picture)->decode_tile(3, 0, 0, {}).error().code, Code::not_found);
  EXPECT_EQ((*picture)->decode_tile(0, 0, 2, {}).error().code, Code::not_found);
  EXPECT_EQ(region(**picture, 0, {0, 0, 701, 10}).error().code, Code::bad_request);
}

TEST(PlainPicture, every_format_shows_its_pixels) {
  for (const codec::Format format : {codec::Format::jpeg, codec::Format::png, codec::Format::webp}) {
    for (const int channels : {1, 3, 4}) {
      if (channels == 4 && format == codec::Format::jpeg) {
        continue;
      }
      const pixel::Image source = made_image(300, 200, channels);
      const auto picture = open(*codec::encode(source, format, {.quality = 95, .lossless = true}));
      ASSERT_TRUE(picture) << picture.error().message;
      const auto whole = region(**picture, 0, {0, 0, 300, 200});
      ASSERT_TRUE(whole);
      if (whole->channels == channels) {  // WebP has no grey
        EXPECT_LT(mean_difference(*whole, source), format == codec::Format::jpeg ? 3 : 0.5);
      }
      const auto tile = (*picture)->decode_tile(0, 1, 0, {});
      ASSERT_TRUE(tile);
      EXPECT_EQ(tile->data, pixel::crop(*whole, {256, 0, 44, 200}).data);
      EXPECT_EQ((*picture)->info().channels, whole->channels);
      EXPECT_EQ((*picture)->info().opaque, channels != 4);
    }
  }
}

TEST(PlainPicture, files_of_another_writer) {
  for (const char* name : {"image/plain.jpg", "image/progressive.jpg", "image/plain.webp"}) {
    const auto picture = test::open(test::fixture(name));
    const auto reference = test::open(test::fixture("image/vips_jpeg_pyramid.tif"));
    ASSERT_TRUE(picture && reference) << name;
    const auto one = region(**picture, 0, {0, 0, 190, 140});
    int reduction = 1;
    const auto other = (*reference)->decode_region(0, {0, 0, 190, 140}, &reduction, {});
    ASSERT_TRUE(one && other);
    EXPECT_LT(mean_difference(*one, *other), 6) << name;
  }
}

TEST(PlainPicture, coarse_levels_look_like_the_fine_one) {
  const pixel::Image source = made_image(1000, 700, 3);
  for (const codec::Format format : {codec::Format::jpeg, codec::Format::png}) {
    const auto picture = open(*codec::encode(source, format, {.quality = 95}), {.default_tile = 40});
    ASSERT_TRUE(picture);
    EXPECT_EQ(sizes((*picture)->info()), "1000x700 500x350 250x175 125x88 63x44 32x22");
    for (const int level : {5, 3, 1, 4, 2}) {
      const Level& size = (*picture)->info().levels[level];
      const auto image = region(**picture, level, {0, 0, size.width, size.height});
      ASSERT_TRUE(image);
      EXPECT_EQ(image->width, size.width);
      double sum = 0;
      double want = 0;
      for (const std::uint8_t value : image->data) {
        sum += value;
      }
      for (const std::uint8_t value : source.data) {
        want += value;
      }
      EXPECT_NEAR(sum / static_cast<double>(image->data.size()), want / static_cast<double>(source.data.size()), 2);
    }
  }
}

TEST(PlainPicture, parts_equal_the_whole_however_often_they_are_asked_for) {
  const pixel::Image source = made_image(900, 800, 3);
  const auto picture = open(*codec::encode(source, codec::Format::jpeg, {.quality = 90}));
  const auto fresh = open(*codec::encode(source, codec::Format::jpeg, {.quality = 90}));
  ASSERT_TRUE(picture && fresh);
  const std::size_t before = (*picture)->memory();
  const auto whole = region(**fresh, 0, {0, 0, 900, 800});
  ASSERT_TRUE(whole);
  ASSERT_TRUE(region(**picture, 0, {10, 20, 100, 100}));
  EXPECT_EQ((*picture)->memory(), before);  // a single part keeps nothing
  for (int i = 0; i < 12; ++i) {
    const pixel::Rect rect{i * 60, i * 50, 130, 140};
    const auto part = region(**picture, 0, rect);
    ASSERT_TRUE(part);
    EXPECT_EQ(part->data, pixel::crop(*whole, rect).data) << i;
  }
  EXPECT_GE((*picture)->memory(), source.data.size());  // by now the whole was the cheaper way
}

TEST(PlainPicture, keeps_no_more_than_it_may) {
  const pixel::Image source = made_image(900, 800, 3);
  for (const codec::Format format : {codec::Format::jpeg, codec::Format::png}) {
    const auto picture = open(*codec::encode(source, format), {.max_kept_bytes = 600'000});
    ASSERT_TRUE(picture);
    const std::size_t before = (*picture)->memory();
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE((*picture)->decode_tile(0, i % 4, i % 3, {}));
      ASSERT_TRUE((*picture)->decode_tile(1, 0, 0, {}));
      ASSERT_TRUE((*picture)->decode_tile(2, 0, 0, {}));
    }
    EXPECT_LE((*picture)->memory(), before + 600'000);
  }
}

TEST(PlainPicture, too_large_is_refused_when_opened) {
  const Bytes png = *codec::encode(made_image(600, 500, 3), codec::Format::png);
  EXPECT_EQ(open(png, {.max_decoded_pixels = 299'999}).error().code, Code::too_large);
  EXPECT_TRUE(open(png, {.max_decoded_pixels = 300'000}));
  Bytes bomb = png;  // claims 30000 x 30000
  for (const std::size_t at : {16U, 20U}) {
    bomb[at + 2] = 0x75;
    bomb[at + 3] = 0x30;
  }
  const auto refused = open(bomb);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().code == Code::too_large || refused.error().code == Code::corrupt);
}

TEST(PlainPicture, orientation_of_exif_is_applied) {
  const Bytes upright = *codec::encode(made_image(120, 80, 3), codec::Format::jpeg, {.quality = 95});
  const auto plain = open(upright);
  ASSERT_TRUE(plain);
  const auto reference = region(**plain, 0, {0, 0, 120, 80});
  for (char orientation = 1; orientation <= 8; ++orientation) {
    Bytes turned = upright;
    insert_after_soi(turned, 0xe1, exif(orientation));
    const auto picture = open(turned);
    ASSERT_TRUE(picture);
    const PictureInfo& info = (*picture)->info();
    EXPECT_EQ(info.width, swaps_sides(orientation) ? 80 : 120);
    const auto image = region(**picture, 0, {0, 0, info.width, info.height});
    ASSERT_TRUE(image);
    EXPECT_EQ(image->data, orient(*reference, orientation).data);
  }
  // 6 is what a telephone held upright writes: the stored left column is the top row.
  const pixel::Image up = orient(*reference, 6);
  for (int x = 0; x < 80; ++x) {
    EXPECT_EQ(up.row(0)[x * 3], reference->row(79 - x)[0]);
  }
  const pixel::Image half = orient(*reference, 3);
  EXPECT_EQ(half.row(0)[0], reference->row(79)[119 * 3]);
}

TEST(PlainPicture, profile_scale_and_comment) {
  const Bytes profile(500, 9);
  Bytes jpeg = *codec::encode(made_image(64, 64, 3), codec::Format::jpeg, {.icc = profile});
  insert_after_soi(jpeg, 0xfe, "seen through a glass");
  const auto picture = open(jpeg);
  ASSERT_TRUE(picture);
  ASSERT_TRUE((*picture)->info().icc);
  EXPECT_EQ(*(*picture)->info().icc, profile);
  EXPECT_EQ((*picture)->info().text.at("comment"), "seen through a glass");
  const auto png =
      open(*codec::encode(made_image(64, 64, 3), codec::Format::png, {.icc = profile, .pixels_per_inch = 25400}));
  ASSERT_TRUE(png);
  ASSERT_TRUE((*png)->info().icc);
  EXPECT_EQ(*(*png)->info().icc, profile);
  EXPECT_NEAR((*png)->info().um_per_pixel_x.value_or(0), 1, 0.001);
  const auto screen = open(*codec::encode(made_image(64, 64, 3), codec::Format::png, {.pixels_per_inch = 300}));
  ASSERT_TRUE(screen);
  EXPECT_FALSE((*screen)->info().um_per_pixel_x);  // what an editor puts in means nothing
  const auto webp = open(*codec::encode(made_image(64, 64, 3), codec::Format::webp, {.icc = profile}));
  ASSERT_TRUE(webp);
  ASSERT_TRUE((*webp)->info().icc);
  EXPECT_EQ(*(*webp)->info().icc, profile);
}

TEST(PlainPicture, formats_are_told_apart_by_content) {
  const auto code = [](std::string_view bytes) {
    const auto picture = open(Bytes(bytes.begin(), bytes.end()));
    return picture ? Code::internal : picture.error().code;
  };
  EXPECT_EQ(code(""), Code::unsupported);
  EXPECT_EQ(code("Hello, this is text."), Code::unsupported);
  EXPECT_EQ(code("\0\0\0\x0cjP  \r\n\x87\n"sv), Code::corrupt);
  EXPECT_EQ(code("\0\0\0\x20"
                 "ftypheic\0\0\0\0"sv),
            Code::unsupported);
  EXPECT_EQ(code("\0\0\0\x20"
                 "ftypavif\0\0\0\0"sv),
            Code::corrupt);
  EXPECT_EQ(code("GIF89a"), Code::unsupported);
  EXPECT_EQ(code("\xff\xd8\xff\xe0"sv), Code::corrupt);
  EXPECT_EQ(code("\x89PNG\r\n\x1a\nrubbish"sv), Code::corrupt);
  EXPECT_EQ(code("RIFF\x10\0\0\0WEBPVP8 "sv), Code::corrupt);
}

TEST(PlainPicture, truncated_anywhere) {
  for (const char* name : {"image/plain.jpg", "image/progressive.jpg", "image/plain.png", "image/plain.webp"}) {
    const Bytes whole = test::read_file(test::fixture(name));
    for (std::size_t size = 0; size < whole.size(); size += 7) {
      const auto picture = open(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      if (picture) {
        const auto tile = (*picture)->decode_tile(0, 0, 0, {});
        EXPECT_TRUE(tile || tile.error().code == Code::corrupt) << name << " " << size;
      }
    }
  }
}

TEST(StripTiff, shows_parts_and_levels) {
  const io::ScratchDir scratch;
  const test::Made made{.width = 700,
                        .height = 500,
                        .tile = 0,
                        .rows = 16,
                        .compression = COMPRESSION_JPEG,
                        .photometric = PHOTOMETRIC_YCBCR};
  const auto picture = test::open(test::write(scratch, made));
  ASSERT_TRUE(picture);
  EXPECT_EQ(sizes((*picture)->info()), "700x500 350x250 175x125");
  const auto part = region(**picture, 0, {100, 90, 200, 50});
  const auto whole = region(**picture, 0, {0, 0, 700, 500});
  ASSERT_TRUE(part && whole);
  EXPECT_EQ(part->data, pixel::crop(*whole, {100, 90, 200, 50}).data);
  const auto small = region(**picture, 2, {0, 0, 175, 125});
  ASSERT_TRUE(small);
  double sum = 0;
  for (int i = 0; i < 16; ++i) {
    const int y = 80 + i / 4;
    sum += whole->row(y)[(200 + i % 4) * 3];
  }
  EXPECT_NEAR(small->row(20)[50 * 3], sum / 16, 8);
  EXPECT_GT((*picture)->memory(), 700 * 500 * 3U);
}

TEST(PlainPicture, reads_avif) {
  const pixel::Image image = made_image(300, 201, 3);
  const Bytes stream = *codec::encode(image, codec::Format::avif, {.quality = 95});
  const auto picture = open(stream);
  ASSERT_TRUE(picture) << picture.error().message;
  EXPECT_EQ(sizes((*picture)->info()), "300x201 150x101");
  const auto decoded = region(**picture, 0, {10, 20, 100, 90});
  ASSERT_TRUE(decoded);
  EXPECT_LT(mean_difference(*decoded, pixel::crop(image, {10, 20, 100, 90})), 3);
  const auto refused = open(stream, {.max_decoded_pixels = 300 * 201 - 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::too_large);
  EXPECT_FALSE(open(Bytes(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(stream.size() / 2))));
}

}  // namespace
}  // namespace microtome::image
