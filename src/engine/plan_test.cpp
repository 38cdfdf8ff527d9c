// SPDX-License-Identifier: Apache-2.0
#include "engine/plan.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "engine/fake_world.hpp"

namespace microtome::engine {
namespace {

using codec::Format;
using image::Stored;

image::PictureInfo info_of(std::int64_t width, std::int64_t height, int levels) {
  return FakePicture(width, height, levels).info_;
}

image::StoredTile stored_as(Stored stored, bool clipped = false, bool empty = false) {
  image::StoredTile tile;
  tile.stored = stored;
  tile.width = tile.height = 256;
  tile.visible_width = clipped ? 100 : 256;
  tile.visible_height = 256;
  tile.empty = empty;
  return tile;
}

TEST(PlanTile, FollowsTheTable) {
  struct Case {
    const char* what;
    image::StoredTile stored;
    Format format;
    std::optional<int> asked;
    std::optional<int> has;
    How how;
  };
  const std::vector<Case> cases = {
      {"JPEG as JPEG", stored_as(Stored::jpeg), Format::jpeg, {}, {}, How::passthrough},
      {"WebP as WebP", stored_as(Stored::webp), Format::webp, {}, {}, How::passthrough},
      {"JPEG at the edge", stored_as(Stored::jpeg, true), Format::jpeg, {}, {}, How::dct_crop},
      {"WebP at the edge", stored_as(Stored::webp, true), Format::webp, {}, {}, How::full_decode},
      {"JPEG as WebP", stored_as(Stored::jpeg), Format::webp, {}, {}, How::full_decode},
      {"WebP as JPEG", stored_as(Stored::webp), Format::jpeg, {}, {}, How::full_decode},
      {"JPEG as PNG", stored_as(Stored::jpeg), Format::png, {}, {}, How::full_decode},
      {"deflate as JPEG", stored_as(Stored::none), Format::jpeg, {}, {}, How::full_decode},
      {"nothing as JPEG", stored_as(Stored::none, false, true), Format::jpeg, {}, {}, How::background},
      {"an empty JPEG tile", stored_as(Stored::jpeg, true, true), Format::png, 10, {}, How::background},
      {"better than stored", stored_as(Stored::jpeg), Format::jpeg, 90, 80, How::passthrough},
      {"as good as stored", stored_as(Stored::jpeg), Format::jpeg, 80, 80, How::passthrough},
      {"worse than stored", stored_as(Stored::jpeg), Format::jpeg, 50, 80, How::full_decode},
      {"worse, at the edge", stored_as(Stored::jpeg, true), Format::jpeg, 50, 80, How::full_decode},
      {"better, at the edge", stored_as(Stored::jpeg, true), Format::jpeg, 90, 80, How::dct_crop},
      {"stored quality unknown", stored_as(Stored::jpeg), Format::jpeg, 90, {}, How::full_decode},
  };
  const auto info = info_of(1000, 700, 2);
  for (const Case& c : cases) {
    EXPECT_EQ(plan_tile(info, {0, 3, 1}, c.format, c.asked, c.stored, c.has).how, c.how) << c.what;
  }
}

TEST(PlanTile, CostsGrowFromPassthroughToDecoding) {
  const auto info = info_of(1000, 700, 2);
  const auto cost = [&](const image::StoredTile& tile, Format format) {
    return plan_tile(info, {0, 0, 0}, format, {}, tile, {}).cost_us;
  };
  EXPECT_LT(cost(stored_as(Stored::jpeg), Format::jpeg) * 10, cost(stored_as(Stored::jpeg, true), Format::jpeg));
  EXPECT_LT(cost(stored_as(Stored::jpeg, true), Format::jpeg), cost(stored_as(Stored::none), Format::jpeg));
  EXPECT_LT(cost(stored_as(Stored::none), Format::jpeg), cost(stored_as(Stored::none), Format::webp));
  EXPECT_EQ(plan_tile(info, {0, 0, 0}, Format::jpeg, {}, stored_as(Stored::jpeg), {}).memory_bytes, 0U);
}

TEST(PlanTile, WholeDecodesOfHugePicturesAreExports) {
  auto info = info_of(30000, 20000, 1);
  EXPECT_EQ(plan_tile(info, {0, 0, 0}, Format::jpeg, {}, stored_as(Stored::none), {}).work, WorkClass::tile);
  info.has_tiles = false;
  const Plan plan = plan_tile(info, {0, 0, 0}, Format::jpeg, {}, stored_as(Stored::none), {});
  EXPECT_EQ(plan.work, WorkClass::exporting);
  EXPECT_GE(plan.memory_bytes, 30000ULL * 20000 * 3);
}

TEST(CheckTile, KnowsTheRange) {
  const auto info = info_of(1000, 700, 2);  // 4 x 3 and 2 x 2 tiles
  EXPECT_TRUE(check_tile(info, {0, 3, 2}));
  EXPECT_TRUE(check_tile(info, {1, 1, 1}));
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  for (const TileArea& area : {TileArea{0, 4, 0}, TileArea{0, 0, 3}, TileArea{0, -1, 0}, TileArea{0, 0, -1},
                               TileArea{2, 0, 0}, TileArea{-1, 0, 0}, TileArea{1, 2, 0}, TileArea{0, kMost, kMost},
                               TileArea{0, kLeast, 0}, TileArea{std::numeric_limits<int>::max(), 0, 0}}) {
    const auto result = check_tile(info, area);
    ASSERT_FALSE(result) << area.level << ' ' << area.x << ' ' << area.y;
    EXPECT_EQ(result.error().code, Code::not_found);
  }
}

TEST(PlanArea, TellsDecoderScalingFromTheRest) {
  const auto pyramid = info_of(4000, 3000, 4);
  const auto view = plan_area(pyramid, {0, 0, 4000, 3000, 1067, 800}, Format::jpeg);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->how, How::region);
  EXPECT_EQ(view->region.level, 1);
  EXPECT_EQ(view->work, WorkClass::tile);
  const auto plain = plan_area(info_of(4000, 3000, 1), {0, 0, 4000, 3000, 1067, 800}, Format::jpeg);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->how, How::scaled_decode);
  EXPECT_EQ(plain->region.reduction, 2);
  EXPECT_GT(plain->cost_us, view->cost_us);
}

TEST(PlanArea, LargeOnesAreExports) {
  const auto info = info_of(40000, 30000, 8);
  EXPECT_EQ(plan_area(info, {0, 0, 4000, 3000, 4000, 3000}, Format::jpeg)->work, WorkClass::exporting);
  EXPECT_EQ(plan_area(info, {0, 0, 800, 600, 800, 600}, Format::jpeg)->work, WorkClass::tile);
  EXPECT_EQ(plan_area(info_of(40000, 30000, 1), {0, 0, 40000, 30000, 100, 75}, Format::jpeg)->work,
            WorkClass::exporting);
}

TEST(Canonical, ARegionThatIsATileIsThatTile) {
  const auto info = info_of(1001, 701, 3);  // levels 1001x701, 501x351, 251x176
  const auto tile = [&](const RegionArea& area) {
    const PixelRequest request = canonical(info, {"/a", area, Format::jpeg, {}});
    const auto* found = std::get_if<TileArea>(&request.area);
    return found != nullptr ? *found : TileArea{-1, -1, -1};
  };
  EXPECT_EQ(tile({0, 0, 256, 256, 256, 256}), (TileArea{0, 0, 0}));
  EXPECT_EQ(tile({768, 512, 233, 189, 233, 189}), (TileArea{0, 3, 2})) << "the corner";
  // As IIIF spells the tiles of level 1: rectangles of 512 full-size pixels, cut at the picture.
  EXPECT_EQ(tile({0, 0, 512, 512, 256, 256}), (TileArea{1, 0, 0}));
  EXPECT_EQ(tile({512, 0, 489, 512, 245, 256}), (TileArea{1, 1, 0}));
  EXPECT_EQ(tile({0, 0, 1001, 701, 251, 176}), (TileArea{2, 0, 0}));
  const TileArea none{-1, -1, -1};
  EXPECT_EQ(tile({0, 0, 256, 256, 255, 256}), none);
  EXPECT_EQ(tile({2, 0, 256, 256, 256, 256}), none);
  EXPECT_EQ(tile({128, 0, 256, 256, 256, 256}), none);
  EXPECT_EQ(tile({-256, 0, 256, 256, 256, 256}), none);
  EXPECT_EQ(tile({1024, 0, 256, 256, 256, 256}), none);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(tile({nan, 0, 256, 256, 256, 256}), none);
  EXPECT_EQ(tile({1e300, 0, 256, 256, 256, 256}), none);
}

TEST(NeedsOriginal, WhereTheLossOfAPyramidWouldShow) {
  image::PictureInfo exact = info_of(4000, 3000, 5);
  image::PictureInfo lossy = exact;
  lossy.lossy = true;
  const auto of = [](const image::PictureInfo& info, codec::Format format, std::optional<int> quality,
                     std::variant<TileArea, RegionArea> area) {
    PixelRequest request;
    request.format = format;
    request.quality = quality;
    request.area = area;
    return needs_original(info, request, {});
  };
  using codec::Format;
  const TileArea small{3, 0, 0};
  const TileArea full{0, 0, 0};
  const RegionArea half{0, 0, 1000, 1000, 500, 500};
  const RegionArea near{0, 0, 1000, 1000, 501, 501};
  EXPECT_TRUE(of(exact, Format::png, {}, small));
  EXPECT_TRUE(of(exact, Format::tiff, {}, half));
  EXPECT_TRUE(of(exact, Format::webp, -1, half));
  EXPECT_FALSE(of(exact, Format::webp, {}, full));
  EXPECT_FALSE(of(exact, Format::jpeg, 90, full));
  EXPECT_TRUE(of(exact, Format::jpeg, 91, full));
  EXPECT_FALSE(of(exact, Format::jpeg, 95, half));
  EXPECT_FALSE(of(lossy, Format::png, {}, small));
  EXPECT_FALSE(of(lossy, Format::png, {}, half));
  EXPECT_TRUE(of(lossy, Format::png, {}, near));
  EXPECT_TRUE(of(lossy, Format::png, {}, full));
}

}  // namespace
}  // namespace microtome::engine
