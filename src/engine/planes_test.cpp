// SPDX-License-Identifier: Apache-2.0
// The way through YCbCr shows what the way through RGB shows.
#include "engine/planes.hpp"

#include <gtest/gtest.h>

#include <tuple>

#include "codec/picture_for_test.hpp"
#include "engine/pictures_for_bench.hpp"
#include "image/tiff_bytes_for_test.hpp"

namespace microtome::engine {
namespace {

image::PicturePtr open(const std::string& path) {
  return image::open_picture(io::File::open(path).value(), {}).value();
}

// What the usual way gives, before it is encoded.
pixel::Image expected(const image::Picture& picture, const RegionArea& area, const RegionPlan& plan) {
  return render_region(picture, area, plan, {255, 255, 255}, false, {}).value();
}

struct Case {
  int across;
  int down;
  int quality;
};

class PlanesOf : public testing::TestWithParam<Case> {};

TEST_P(PlanesOf, LooksLikeTheUsualWay) {
  const io::ScratchDir scratch;
  const Case& way = GetParam();
  const auto picture = open(bench::write_pyramid(scratch, bench::slice(1501, 1003), 256, way.across, way.down));
  Encoding encoding;
  encoding.quality = way.quality;
  const RegionArea areas[] = {{0, 0, 1501, 1003, 401, 268},
                              {0, 0, 1501, 1003, 800, 535},
                              {101, 53, 900, 700, 600, 467},
                              {7, 9, 333, 222, 333, 222},
                              {300.25, 200.75, 801, 603, 777, 590},
                              {1201, 803, 300, 200, 151, 101},
                              {0, 0, 1501, 1003, 1001, 669, Sampling::bilinear},
                              {11, 7, 1490, 996, 1001, 669, Sampling::bilinear},
                              {11, 7, 1490, 996, 1490, 996, Sampling::bilinear}};
  for (const RegionArea& area : areas) {
    const RegionPlan plan = plan_region(picture->info(), area).value();
    const auto bytes = render_planes(*picture, area, plan, encoding, {});
    ASSERT_TRUE(bytes) << bytes.error().message << bytes.error().context;
    ASSERT_TRUE(*bytes) << area.out_width;
    const auto info = codec::inspect_jpeg(**bytes).value();
    EXPECT_EQ(info.horizontal[0], way.quality >= 90 ? 1 : 2);
    const pixel::Image want = expected(*picture, area, plan);
    const pixel::Image shown = codec::decode_jpeg(**bytes).value();
    // What the codec itself loses is lost on both ways.
    const pixel::Image usual = codec::decode_jpeg(codec::encode_jpeg(want, {.quality = way.quality}).value()).value();
    EXPECT_LT(codec::test::mean_difference(shown, want), codec::test::mean_difference(usual, want) + 0.6)
        << area.out_width << "x" << area.out_height;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, PlanesOf,
                         testing::Values(Case{2, 2, 75}, Case{2, 2, 92}, Case{2, 1, 75}, Case{1, 1, 75},
                                         Case{1, 1, 95}));

TEST(Planes, LeavesTheRestToTheUsualWay) {
  const io::ScratchDir scratch;
  const auto picture = open(bench::write_pyramid(scratch, bench::slice(700, 600)));
  const auto way = [&](const RegionArea& area, const Encoding& encoding) {
    const auto made = render_planes(*picture, area, plan_region(picture->info(), area).value(), encoding, {});
    return made.has_value() && made->has_value();
  };
  const RegionArea whole{0, 0, 700, 600, 350, 300};
  EXPECT_TRUE(way(whole, {}));
  EXPECT_FALSE(way({0, 0, 700, 600, 500, 430, Sampling::bilinear}, {})) << "little to gain, so exactly as iipsrv";
  Encoding png;
  png.format = codec::Format::png;
  EXPECT_FALSE(way(whole, png));
  Encoding turned;
  turned.look.rotation = 90;
  EXPECT_FALSE(way(whole, turned));
  EXPECT_FALSE(way({-10, 0, 700, 600, 350, 300}, {})) << "beyond the picture";
  EXPECT_FALSE(way({0, 0, 70, 60, 350, 300}, {})) << "enlarged";
  EXPECT_FALSE(way({0, 0, 700, 600, 7, 6}, {})) << "the decoder itself scales";
}

// Three tiles of grey and one without bytes.
TEST(Planes, TilesWithoutBytesAreWhite) {
  constexpr int kSide = 64;
  pixel::Image grey = pixel::Image::make(kSide, kSide, 3, pixel::Colour::rgb);
  std::ranges::fill(grey.data, std::uint8_t{90});
  const Bytes tile = codec::encode_jpeg(grey, {.quality = 85}).value();
  image::test::Layout layout;
  std::vector<std::uint64_t> offsets;
  for (int i = 0; i < 3; ++i) {
    offsets.push_back(layout.add(tile));
  }
  offsets.push_back(0);
  const std::uint64_t length = tile.size();
  const auto field = [](std::uint16_t tag, std::vector<std::uint64_t> values, std::uint16_t type = 3) {
    return image::test::Layout::Field{tag, type, std::move(values)};
  };
  layout.add_directory({field(256, {2 * kSide}), field(257, {2 * kSide}), field(258, {8, 8, 8}), field(259, {7}),
                        field(262, {6}), field(277, {3}), field(322, {kSide}), field(323, {kSide}),
                        field(324, offsets, 4), field(325, {length, length, length, 0}, 4), field(530, {2, 2})});
  const io::ScratchDir scratch;
  const auto picture = open(scratch.write("hole.tif", layout.bytes()));
  const RegionArea area{0, 0, 2 * kSide, 2 * kSide, 100, 100};
  const auto made = render_planes(*picture, area, plan_region(picture->info(), area).value(), {}, {});
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(*made);
  const pixel::Image shown = codec::decode_jpeg(**made).value();
  for (const auto& [x, y, value] :
       {std::tuple{20, 20, 90}, {80, 20, 90}, {20, 80, 90}, {80, 80, 255}, {56, 56, 255}}) {
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(shown.row(y)[3 * x + c], value, 3) << x << ' ' << y;
    }
  }
}

TEST(Planes, NotOfTilesThatAreNoYCbCr) {
  // Aperio's tiles are JPEG of RGB.
  const auto picture = open(std::string(MICROTOME_FIXTURES) + "/CMU-1-Small-Region.svs");
  const RegionArea area{0, 0, 1000, 1000, 400, 400};
  const auto made = render_planes(*picture, area, plan_region(picture->info(), area).value(), {}, {});
  ASSERT_TRUE(made);
  EXPECT_FALSE(*made);
}

}  // namespace
}  // namespace microtome::engine
