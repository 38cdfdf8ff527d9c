// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg2000_picture.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "codec/ink_profile_for_test.hpp"
#include "codec/jpeg2000_for_test.hpp"
#include "image/block_store.hpp"
#include "image/tiff_for_test.hpp"
#include "pixel/blit.hpp"
#include "pixel/scale.hpp"

namespace microtome::image {
namespace {

using codec::test::encode_jpeg2000;
using codec::test::Jpeg2000Options;
using codec::test::picture;

Result<PicturePtr> open(const Bytes& bytes, const OpenLimits& limits = {}) {
  auto file = test::in_memory(bytes);
  return file ? open_picture(*file, limits) : pass(file.error());
}

std::string sizes(const PictureInfo& info) {
  std::string text;
  for (const Level& level : info.levels) {
    text += (text.empty() ? "" : " ") + std::to_string(level.width) + "x" + std::to_string(level.height);
  }
  return text;
}

TEST(Jpeg2000Picture, TakesItsLevelsFromTheFileAndHalvesOn) {
  const auto many = open(encode_jpeg2000(picture(1500, 701, 3), {.resolutions = 6}));
  ASSERT_TRUE(many) << many.error().context;
  EXPECT_EQ(sizes((*many)->info()), "1500x701 750x351 375x176 188x88") << "down to one tile, not to the last";
  const auto few = open(encode_jpeg2000(picture(1500, 701, 3), {.resolutions = 2}));
  ASSERT_TRUE(few);
  EXPECT_EQ(sizes((*few)->info()), "1500x701 750x351 375x176 188x88");
  int reduction = 1;
  for (int level = 1; level < 3; ++level) {  // beyond the file's own: halves
    const Level& size = (*few)->info().levels[static_cast<std::size_t>(level)];
    const auto larger = (*few)->decode_region(level, {0, 0, size.width, size.height}, &reduction, {});
    const auto smaller = (*few)->decode_tile(level + 1, 0, 0, {});
    ASSERT_TRUE(larger && smaller) << level;
    EXPECT_EQ(pixel::crop(*pixel::shrink2(*larger), {0, 0, smaller->width, smaller->height}).data, smaller->data);
  }
  EXPECT_EQ((*few)->decode_tile(4, 0, 0, {}).error().code, Code::not_found);
  EXPECT_EQ((*few)->decode_tile(0, 6, 0, {}).error().code, Code::not_found);
}

TEST(Jpeg2000Picture, TilesAndRegionsAreTheStoredPixels) {
  const pixel::Image image = picture(1300, 1100, 3);
  for (const Jpeg2000Options& options :
       {Jpeg2000Options{}, Jpeg2000Options{.tile = 300}, Jpeg2000Options{.tile = 600}}) {
    const auto opened = open(encode_jpeg2000(image, options));
    ASSERT_TRUE(opened);
    const auto edge = (*opened)->decode_tile(0, 5, 4, {});
    ASSERT_TRUE(edge);
    EXPECT_EQ(edge->data, pixel::crop(image, {1280, 1024, 256, 256}).data);
    int reduction = 8;
    const pixel::Rect across{500, 490, 600, 580};
    const auto region = (*opened)->decode_region(0, across, &reduction, {});
    ASSERT_TRUE(region);
    EXPECT_EQ(reduction, 1);
    EXPECT_EQ(region->data, pixel::crop(image, across).data);
    EXPECT_EQ((*opened)->decode_region(0, {0, 0, 1301, 1}, &reduction, {}).error().code, Code::bad_request);
  }
}

TEST(Jpeg2000Picture, KeepsBlocksWithinItsBytes) {
  const pixel::Image image = picture(1300, 1100, 3);
  const Bytes bytes = encode_jpeg2000(image, {.tile = 300});
  const OpenLimits limits{.max_kept_bytes = 2 << 20};  // one block of 512 x 512
  const auto opened = open(bytes, limits);
  ASSERT_TRUE(opened);
  for (std::int64_t y = 0; y < 4; ++y) {
    for (std::int64_t x = 0; x < 5; ++x) {
      ASSERT_TRUE((*opened)->decode_tile(0, x, y, {}));
      EXPECT_LT((*opened)->memory(), (2U << 20) + 10'000);
    }
  }
  EXPECT_GT((*opened)->memory(), 300'000U);
  int reduction = 1;
  const auto wide = (*opened)->decode_region(0, {0, 100, 1300, 30}, &reduction, {});
  ASSERT_TRUE(wide) << "wider than what is kept";
  EXPECT_EQ(wide->data, pixel::crop(image, {0, 100, 1300, 30}).data);
}

TEST(BlockStore, MakesEachBlockOnceAndForgetsTheOldest) {
  const BlockStore store(250);
  int made = 0;
  const auto get = [&](std::int64_t x) {
    return store.get({0, x, 0},
                     [&] {
                       ++made;
                       return Result<pixel::Image>(pixel::Image::make(10, 10, 1, pixel::Colour::grey));
                     },
                     {});
  };
  ASSERT_TRUE(get(1) && get(2) && get(1));
  EXPECT_EQ(made, 2);
  EXPECT_EQ(store.memory(), 200U);
  ASSERT_TRUE(get(3));  // 2 goes: 1 was used after it
  ASSERT_TRUE(get(1));
  EXPECT_EQ(made, 3);
  ASSERT_TRUE(get(2));
  EXPECT_EQ(made, 4);
  EXPECT_LE(store.memory(), 250U);
  const auto failed = store.get({1, 0, 0}, [] { return Result<pixel::Image>(fail(Code::corrupt, "no")); }, {});
  EXPECT_FALSE(failed);
  EXPECT_TRUE(
      store.get({1, 0, 0}, [] { return Result<pixel::Image>(pixel::Image::make(1, 1, 1, pixel::Colour::grey)); }, {}))
      << "errors are not kept";
}

TEST(Jpeg2000Picture, FewerLayersAreCoarser) {
  const pixel::Image original = picture(300, 200, 3);
  const Bytes bytes = encode_jpeg2000(original, {.resolutions = 3, .layers = 3});
  const auto error_of = [&](std::string_view part, int most) {
    const auto file = test::in_memory(bytes);
    const auto one =
        part.empty() ? open_picture(*file, {.max_layers = most}) : open_part(*file, part, {.max_layers = most});
    EXPECT_TRUE(one) << part;
    int reduction = 1;
    const auto pixels = (*one)->decode_region(0, {0, 0, 300, 200}, &reduction, {});
    EXPECT_TRUE(pixels) << part;
    double sum = 0;
    for (std::size_t i = 0; i < pixels->data.size(); ++i) {
      sum += std::abs(static_cast<int>(pixels->data[i]) - static_cast<int>(original.data[i]));
    }
    return sum;
  };
  EXPECT_EQ(error_of("", 0), 0);
  EXPECT_EQ(error_of("@layers3", 0), 0);
  EXPECT_EQ(error_of("@layers99", 0), 0);
  EXPECT_GT(error_of("@layers2", 0), 0);
  EXPECT_GT(error_of("@layers1", 0), error_of("@layers2", 0));
  EXPECT_EQ(error_of("", 1), error_of("@layers1", 0)) << "the server's limit";
  EXPECT_EQ(error_of("@layers3", 1), error_of("@layers1", 0)) << "the smaller of both";
}

TEST(Jpeg2000Picture, InksAreSeenByTheProfileOfTheFile) {
  const std::array<std::uint8_t, 4> ink{200, 30, 90, 20};
  pixel::Image inks = pixel::Image::make(64, 48, 4, pixel::Colour::cmyk);
  for (std::size_t i = 0; i < inks.data.size(); ++i) {
    inks.data[i] = ink.at(i % 4);
  }
  Bytes file = encode_jpeg2000(inks, {.space = OPJ_CLRSPC_UNKNOWN});
  const Bytes profile = codec::test::ink_profile();
  Bytes body{2, 0, 0};
  body.insert(body.end(), profile.begin(), profile.end());
  codec::test::add_header_box(file, "colr", body);
  const auto seen = open(file);
  ASSERT_TRUE(seen) << seen.error().context;
  EXPECT_EQ((*seen)->info().colour, pixel::Colour::rgb);
  EXPECT_EQ((*seen)->info().icc, nullptr) << "that of the inks is not that of the answer";
  const auto tile = (*seen)->decode_tile(0, 0, 0, {});
  ASSERT_TRUE(tile);
  ASSERT_EQ(tile->channels, 3);
  const auto wanted = codec::test::seen_as(profile, ink);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(tile->row(20)[30 + c - 30 % 3], wanted.at(c), 3) << c;
  }
}

}  // namespace
}  // namespace microtome::image
