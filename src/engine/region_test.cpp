// SPDX-License-Identifier: Apache-2.0
#include "engine/region.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/fake_world.hpp"

namespace microtome::engine {
namespace {

constexpr pixel::Rgb8 kWhite{255, 255, 255};

pixel::Image render(const FakePicture& picture, const RegionArea& area, bool keep_alpha = false) {
  const auto plan = plan_region(picture.info(), area);
  EXPECT_TRUE(plan);
  auto image = render_region(picture, area, *plan, kWhite, keep_alpha, {});
  EXPECT_TRUE(image) << image.error().context;
  EXPECT_EQ(image->width, area.out_width);
  EXPECT_EQ(image->height, area.out_height);
  return *image;
}

// The largest difference from the picture's linear colours, over all output pixels whose centre is inside it by
// `margin` output pixels; and outside by as much all must be white.
double worst(const FakePicture& picture, const RegionArea& area, const pixel::Image& image, double margin = 1) {
  double most = 0;
  const double step_x = area.width / area.out_width;
  const double step_y = area.height / area.out_height;
  const auto width = static_cast<double>(picture.info().width);
  const auto height = static_cast<double>(picture.info().height);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const double px = area.x + (x + 0.5) * step_x;
      const double py = area.y + (y + 0.5) * step_y;
      const std::uint8_t* pixel = image.row(y) + static_cast<std::size_t>(x) * 3;
      const double mx = margin * step_x;
      const double my = margin * step_y;
      if (px > mx && py > my && px < width - mx && py < height - my) {
        most = std::max({most, std::abs(pixel[0] - picture.red(px)), std::abs(pixel[1] - picture.green(py))});
      } else if (px < -mx || py < -my || px > width + mx || py > height + my) {
        most = std::max({most, 255.0 - pixel[0], 255.0 - pixel[1], 255.0 - pixel[2]});
      }
    }
  }
  return most;
}

TEST(Region, ShowsEveryPointWhereItBelongs) {
  const FakePicture pyramid(4001, 2999, 5);
  const FakePicture plain(4001, 2999, 1);
  const std::vector<RegionArea> areas = {
      {0, 0, 4001, 2999, 1067, 800},          // all of it, a view
      {0, 0, 4001, 2999, 13, 9},              // a thumbnail
      {1000, 500, 800, 600, 800, 600},        // one to one
      {1000.25, 500.75, 800, 600, 800, 600},  // one to one, between pixels
      {1000, 500, 100.5, 75.25, 800, 600},    // enlarged
      {-500, -400, 2000, 1500, 500, 375},     // over the top left
      {3500, 2500, 2000, 1500, 500, 375},     // over the bottom right
      {-1000, -1000, 8000, 6000, 400, 300},   // all of it with a border
      {333.3, 444.4, 1234.5, 987.6, 321, 257},
      {0, 0, 4001, 300, 100, 100},     // not the same scale on both axes
      {2000, 2000, 0.5, 0.5, 10, 10},  // within a pixel
  };
  for (const FakePicture* picture : {&pyramid, &plain}) {
    for (const RegionArea& area : areas) {
      const pixel::Image image = render(*picture, area);
      EXPECT_LE(worst(*picture, area, image), 2.0) << area.x << ',' << area.y << ' ' << area.width << 'x'
                                                   << area.height << " levels " << picture->info().levels.size();
    }
  }
}

TEST(Region, AReaderThatCannotReduceGivesTheSame) {
  FakePicture plain(4001, 2999, 1);
  const RegionArea area{100.5, 60.5, 3600, 2700, 300, 225};
  const pixel::Image reduced = render(plain, area);
  EXPECT_EQ(plain.last_reduction, 8);
  plain.can_reduce = false;
  const pixel::Image full = render(plain, area);
  EXPECT_EQ(plain.last_reduction, 1);
  EXPECT_LE(worst(plain, area, full), 1.0);
  EXPECT_LE(worst(plain, area, reduced), 1.5);
}

TEST(Region, TakesTheCoarsestLevelThatIsSharpEnough) {
  const FakePicture picture(4000, 3000, 4);
  const auto level = [&](int width) {
    return plan_region(picture.info(), {0, 0, 4000, 3000, width, width * 3 / 4})->level;
  };
  EXPECT_EQ(level(4000), 0);
  EXPECT_EQ(level(8000), 0);
  EXPECT_EQ(level(2001), 1) << "a hair larger than the level";
  EXPECT_EQ(level(2000), 1);
  EXPECT_EQ(level(2100), 0);
  EXPECT_EQ(level(1067), 1);
  EXPECT_EQ(level(1000), 2);
  EXPECT_EQ(level(10), 3);
  // Sizes of levels are rounded up: 501 of 1001 is still half.
  const FakePicture odd(1001, 701, 3);
  EXPECT_EQ(plan_region(odd.info(), {0, 0, 1001, 701, 501, 351})->level, 1);
  EXPECT_EQ(plan_region(odd.info(), {0, 0, 1001, 701, 251, 176})->level, 2);
}

TEST(Region, DecodesOnlyWhatItShows) {
  const FakePicture picture(40000, 30000, 1);
  const auto plan = plan_region(picture.info(), {10000, 10000, 800, 600, 800, 600});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->decode, (pixel::Rect{10000, 10000, 800, 600}));
  EXPECT_EQ(plan->decoded_pixels, 4U * 3 * 256 * 256) << "tiles 39 to 42 and 39 to 41";
  const auto outside = plan_region(picture.info(), {-900, -900, 800, 600, 800, 600});
  ASSERT_TRUE(outside);
  EXPECT_EQ(outside->target.width, 0);
  const pixel::Image white = render(picture, {-900, -900, 800, 600, 80, 60});
  EXPECT_EQ(picture.decoded, 0);
  EXPECT_EQ(white.row(59)[239], 255);
}

TEST(Region, HugeOnesAreDoneInBands) {
  const FakePicture picture(100'000, 75'000, 1);
  const auto plan = plan_region(picture.info(), {0, 0, 100'000, 75'000, 200, 150});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->reduction, 8);
  EXPECT_LT(plan->memory_bytes, 10U << 20) << "not 350 MB";
}

TEST(Region, BandsAreReadOnceAndTheirSeamsDoNotShow) {
  for (const bool can_reduce : {true, false}) {
    for (const RegionArea& area :
         {RegionArea{10.5, 20.25, 1900, 1400, 333, 222}, RegionArea{0, 0, 2000, 1500, 1067, 800},
          RegionArea{0, 100, 1000, 1000, 1000, 1000}, RegionArea{500, 500, 130, 130, 900, 900},
          RegionArea{0, 0, 2000, 1500, 20, 3}}) {
      FakePicture picture(2000, 1500, 1, 32);
      picture.can_reduce = can_reduce;
      auto plan = plan_region(picture.info(), area);
      ASSERT_TRUE(plan);
      plan->band_rows = 32;
      const auto bands = render_region(picture, area, *plan, kWhite, false, {});
      ASSERT_TRUE(bands);
      EXPECT_LE(worst(picture, area, *bands), 2.0) << area.out_width;
      const auto rows = (plan->decode.y + plan->decode.height - 1) / 32 - plan->decode.y / 32 + 1;
      EXPECT_EQ(picture.decoded, rows) << "each row of tiles once";
      plan->band_rows = 0;
      const auto at_once = render_region(picture, area, *plan, kWhite, false, {});
      ASSERT_TRUE(at_once);
      int most = 0;
      for (std::size_t i = 0; i < at_once->data.size(); ++i) {
        most = std::max(most, std::abs(at_once->data[i] - bands->data[i]));
      }
      EXPECT_LE(most, 1) << area.out_width;
    }
  }
}

TEST(Region, RefusesWhatIsNoRectangle) {
  const FakePicture picture(1000, 700, 1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  for (const RegionArea& area :
       {RegionArea{nan, 0, 1, 1, 1, 1}, RegionArea{0, inf, 1, 1, 1, 1}, RegionArea{0, 0, -1, 1, 1, 1},
        RegionArea{0, 0, 0, 1, 1, 1}, RegionArea{0, 0, 1, 1, 0, 1}, RegionArea{0, 0, 1, 1, 1, -5},
        RegionArea{0, 0, 1e-9, 1, 1, 1}, RegionArea{0, 0, 1e300, 1, 1, 1}, RegionArea{0, 0, 1, nan, 1, 1}}) {
    const auto plan = plan_region(picture.info(), area);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, Code::bad_request);
  }
  // Extreme but whole numbers are answered: with background, or with one colour.
  EXPECT_TRUE(plan_region(picture.info(), {1e11, 1e11, 5, 5, 5, 5}));
  EXPECT_TRUE(plan_region(picture.info(), {-1e11, 0, 2e11, 1e11, 5, 5}));
}

TEST(Region, SixteenBitsAreShownByTheirSignificantBits) {
  for (const int bits : {12, 16}) {
    FakePicture deep(1000, 700, 2);
    deep.info_.sample = pixel::Sample::u16;
    deep.info_.bits = bits;
    const RegionArea area{0, 0, 1000, 700, 500, 350};
    const pixel::Image image = render(deep, area);
    EXPECT_EQ(image.sample, pixel::Sample::u8);
    EXPECT_LE(worst(deep, area, image), 2.0) << bits;
  }
}

TEST(Region, AlphaIsKeptOrLaidOverTheBackground) {
  FakePicture picture(100, 100, 1);
  picture.info_.channels = 4;
  picture.info_.colour = pixel::Colour::rgba;
  picture.info_.opaque = false;
  const RegionArea area{-50, 0, 100, 100, 100, 100};
  const pixel::Image kept = render(picture, area, true);
  EXPECT_EQ(kept.channels, 4);
  EXPECT_EQ(kept.row(50)[3], 0) << "nothing beyond the picture";
  EXPECT_EQ(kept.row(50)[99 * 4 + 3], 255);
  const pixel::Image flat = render(picture, area);
  EXPECT_EQ(flat.channels, 3);
  EXPECT_EQ(flat.row(50)[0], 255);
}

TEST(Region, ErrorsAndCancellationEndIt) {
  FakePicture picture(1000, 700, 1);
  const RegionArea area{0, 0, 1000, 700, 100, 70};
  const auto plan = plan_region(picture.info(), area);
  const CancelToken gone;
  gone.cancel();
  EXPECT_EQ(render_region(picture, area, *plan, kWhite, false, gone).error().code, Code::cancelled);
  EXPECT_EQ(picture.decoded, 0);
  picture.error_ = Error{Code::corrupt, "broken", "x"};
  EXPECT_EQ(render_region(picture, area, *plan, kWhite, false, {}).error().code, Code::corrupt);
}

}  // namespace
}  // namespace microtome::engine
