// SPDX-License-Identifier: Apache-2.0
#include "image/pyramid_file.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "codec/encode.hpp"
#include "codec/jpeg.hpp"
#include "image/tiff_for_test.hpp"

namespace microtome::image {
namespace {

constexpr std::uint64_t kMost = 64 << 20;

// Smooth in both directions, sides that no tile divides.
pixel::Image smooth(int width, int height, int channels, pixel::Colour colour,
                    pixel::Sample sample = pixel::Sample::u8) {
  pixel::Image image = pixel::Image::make(width, height, channels, colour, sample);
  for (int y = 0; y < height; ++y) {
    for (int i = 0; i < width * channels; ++i) {
      const int value = (i / channels * 200 / width + y * 50 / height + i % channels * 2) & 255;
      if (sample == pixel::Sample::u16) {
        const auto deep = static_cast<std::uint16_t>(value * 257 + (i * 31 + y) % 200);
        std::memcpy(image.row(y) + 2 * static_cast<std::size_t>(i), &deep, 2);
      } else {
        image.row(y)[i] = static_cast<std::uint8_t>(value);
      }
    }
  }
  return image;
}

class Pyramid : public testing::Test {
 protected:
  std::string put(const std::string& name, const Result<Bytes>& bytes) const {
    EXPECT_TRUE(bytes);
    const std::string path = scratch_.path(name);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes->data()), static_cast<std::streamsize>(bytes->size()));
    return path;
  }
  // The source, and the picture with its pyramid.
  std::pair<PicturePtr, PicturePtr> made(const std::string& path) const {
    const auto source = test::open(path);
    EXPECT_TRUE(source);
    const std::string target = path + ".pyramid.tif";
    const auto written = write_pyramid(**source, target, kMost, {}, {});
    EXPECT_TRUE(written) << (written ? "" : written.error().message + written.error().context);
    const auto pyramid = test::open(target);
    EXPECT_TRUE(pyramid) << (pyramid ? "" : pyramid.error().message + pyramid.error().context);
    EXPECT_FALSE(std::filesystem::exists(io::part_name(target)));
    const auto both = with_pyramid(*source, *pyramid);
    EXPECT_TRUE(both) << (both ? "" : both.error().message);
    return {*source, *both};
  }
  // The largest difference of two pictures over all levels.
  static int difference(const Picture& one, const Picture& other) {
    int most = 0;
    for (std::size_t level = 0; level < one.info().levels.size(); ++level) {
      const pixel::Rect all{0, 0, one.info().levels[level].width, one.info().levels[level].height};
      int reduction = 1;
      const auto a = one.decode_region(static_cast<int>(level), all, &reduction, {});
      reduction = 1;
      const auto b = other.decode_region(static_cast<int>(level), all, &reduction, {});
      EXPECT_TRUE(a && b);
      EXPECT_EQ(a->data.size(), b->data.size());
      for (std::size_t i = 0; i < a->data.size(); ++i) {
        most = std::max(most, std::abs(static_cast<int>(a->data[i]) - static_cast<int>(b->data[i])));
      }
    }
    return most;
  }

  io::ScratchDir scratch_;
};

TEST_F(Pyramid, OfAJpegPassesItsTilesThroughInTheSameGrid) {
  const std::string path = put("a.jpg", codec::encode_jpeg(smooth(1101, 777, 3, pixel::Colour::rgb)));
  const auto [source, picture] = made(path);
  EXPECT_TRUE(picture->info().has_tiles);
  ASSERT_EQ(picture->info().levels.size(), source->info().levels.size());
  EXPECT_LE(difference(*source, *picture), 8);
  const auto tile = picture->stored_tile(0, 1, 1, true);
  ASSERT_TRUE(tile && *tile);
  EXPECT_EQ((*tile)->stored, Stored::jpeg);
  const auto alone = codec::decode_jpeg(test::joined(**tile));
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->width, 256);
  EXPECT_TRUE((*picture->stored_tile(0, 4, 0, true))->clipped());
  EXPECT_EQ(picture->original(), source);
  EXPECT_EQ(picture->file_id(), source->id());
  EXPECT_NE(picture->id(), source->id());
  EXPECT_EQ(picture->id().mtime_ns, source->id().mtime_ns);
}

TEST_F(Pyramid, KeepsTheColoursOfWhatHadAllOfThem) {
  const auto horizontal = [](const Picture& picture) {
    const auto tile = picture.stored_tile(0, 0, 0, true);
    return static_cast<int>(codec::inspect_jpeg(test::joined(**tile))->horizontal[0]);
  };
  const pixel::Image image = smooth(600, 300, 3, pixel::Colour::rgb);
  EXPECT_EQ(horizontal(*made(put("a.png", codec::encode(image, codec::Format::png))).second), 1);
  EXPECT_EQ(horizontal(*made(put("b.jpg", codec::encode_jpeg(image))).second), 2);
}

TEST_F(Pyramid, OfGreyPngAndStripsAndWebp) {
  const auto png = put("g.png", codec::encode(smooth(700, 513, 1, pixel::Colour::grey), codec::Format::png));
  const auto [grey, with] = made(png);
  EXPECT_EQ(with->info().channels, 1);
  EXPECT_LE(difference(*grey, *with), 6);
  const auto [strips, tiled] = made(test::write(scratch_, {.width = 640, .height = 400, .tile = 0, .rows = 7}));
  EXPECT_LE(difference(*strips, *tiled), 60);  // hard edges
  const auto [webp, of_webp] =
      made(put("w.webp", codec::encode(smooth(500, 300, 3, pixel::Colour::rgb), codec::Format::webp)));
  EXPECT_LE(difference(*webp, *of_webp), 8);
}

TEST_F(Pyramid, WithAlphaOrSixteenBitsIsExact) {
  const auto rgba = put("a.png", codec::encode(smooth(530, 300, 4, pixel::Colour::rgba), codec::Format::png));
  const auto [source, picture] = made(rgba);
  EXPECT_EQ(difference(*source, *picture), 0);
  EXPECT_EQ(picture->original(), nullptr);
  const auto deep =
      put("d.png", codec::encode(smooth(530, 300, 3, pixel::Colour::rgb, pixel::Sample::u16), codec::Format::png));
  const auto [source16, picture16] = made(deep);
  EXPECT_EQ(source16->info().sample, pixel::Sample::u16);
  EXPECT_EQ(difference(*source16, *picture16), 0);
}

TEST_F(Pyramid, IsNotPublishedWhenSomethingIsWrong) {
  const auto whole = codec::encode_jpeg(smooth(800, 800, 3, pixel::Colour::rgb));
  ASSERT_TRUE(whole);
  const std::string cut =
      put("cut.jpg", Bytes(whole->begin(), whole->begin() + static_cast<long>(whole->size() / 2)));
  const auto broken = test::open(cut);
  ASSERT_TRUE(broken);
  const std::string target = scratch_.path("x.tif");
  EXPECT_FALSE(write_pyramid(**broken, target, kMost, {}, {}));
  const auto good = test::open(put("good.jpg", whole));
  const auto changed = [](const std::string&) -> Result<void> { return fail(Code::io, "changed"); };
  EXPECT_FALSE(write_pyramid(**good, target, kMost, changed, {}));
  CancelToken cancel;
  cancel.cancel();
  EXPECT_EQ(write_pyramid(**good, target, kMost, {}, cancel).error().code, Code::cancelled);
  const auto webp =
      test::open(put("w.webp", codec::encode(smooth(500, 300, 3, pixel::Colour::rgb), codec::Format::webp)));
  EXPECT_EQ(write_pyramid(**webp, target, 1000, {}, {}).error().code, Code::too_large);
  EXPECT_FALSE(std::filesystem::exists(target));
  EXPECT_FALSE(std::filesystem::exists(io::part_name(target)));
}

TEST_F(Pyramid, OfAnotherPictureIsRefused) {
  const auto one = test::open(put("a.jpg", codec::encode_jpeg(smooth(600, 400, 3, pixel::Colour::rgb))));
  const auto other = test::open(put("b.jpg", codec::encode_jpeg(smooth(600, 401, 3, pixel::Colour::rgb))));
  ASSERT_TRUE(write_pyramid(**other, scratch_.path("b.tif"), kMost, {}, {}));
  const auto pyramid = test::open(scratch_.path("b.tif"));
  ASSERT_TRUE(pyramid);
  EXPECT_FALSE(with_pyramid(*one, *pyramid));
  EXPECT_FALSE(with_pyramid(*one, *one));
}

}  // namespace
}  // namespace microtome::image
