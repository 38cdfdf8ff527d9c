// SPDX-License-Identifier: Apache-2.0
// Sections through rectangular and ragged volumes against a direct evaluation of every pixel.
#include "woolz/sample.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "woolz/query.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

double value(std::int64_t x, std::int64_t y, std::int64_t z) {
  return static_cast<double>((x * 5 + y * 11 + z * 17 + 3000) % 253);
}

View random_view(std::mt19937& random) {
  std::uniform_real_distribution<double> unit(0, 1);
  View view;
  view.pitch = 180 * unit(random);
  view.yaw = 360 * unit(random);
  view.roll = 360 * unit(random);
  view.distance = 60 * unit(random) - 30;
  view.fixed = {40 * unit(random) - 10, 40 * unit(random) - 10, 30 * unit(random)};
  view.fixed2 = {view.fixed.x + 10 * unit(random), view.fixed.y - 5, view.fixed.z + 7};
  view.scale = 0.3 + 2 * unit(random);
  view.mode = static_cast<Mode>(random() % 5);
  if (random() % 4 == 0) {  // along the axes, where ties are
    view.pitch = 90 * static_cast<double>(random() % 3);
    view.yaw = 90 * static_cast<double>(random() % 5);
    view.roll = 90 * static_cast<double>(random() % 5);
    view.scale = 1;
    view.fixed = {0, 0, 0.5};
    view.distance = std::round(view.distance);
  }
  return view;
}

struct Case {
  Grey grey;
  bool tiled;
  std::int64_t side;
  bool ragged;
};

class Sections : public testing::TestWithParam<Case> {
 protected:
  static bool inside(std::int64_t x, std::int64_t y, std::int64_t z) {
    return !GetParam().ragged || ((x * x + y * z) % 11 != 0 && x + y < 50);
  }
  static VolumeDescription description() {
    VolumeDescription d;
    d.box = {-9, -17, 3, 37, 31, 40};
    d.voxel_size = {1, 1.25, 2};
    d.grey = GetParam().grey;
    d.background = synthetic::grey_value(d.grey, 13);
    d.tiled = GetParam().tiled;
    d.tile_side = GetParam().side;
    return d;
  }
};

TEST_P(Sections, EqualDirectEvaluation) {
  const VolumeDescription d = description();
  const Bytes bytes = synthetic::Maker().volume(d, value, inside).bytes();
  auto object = open_object(bytes, {});
  ASSERT_TRUE(object) << object.error().context;
  const Member& member = *(*object)->base();
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    Request request;
    request.view = random_view(random);
    auto frame = frame_of(**object, request.view);
    ASSERT_TRUE(frame);
    const auto width = static_cast<std::size_t>(frame->width() + 6);
    RowSampler sampler(*frame, *member.body, {static_cast<double>(frame->left() - 3), 1, width, 0});
    std::vector<std::uint8_t> in(width);
    std::vector<std::uint8_t> bytes_row(width);
    std::vector<double> numbers(width);
    std::vector<double> between(width);
    for (std::int64_t j = frame->top() - 3; j < frame->top() + frame->height() + 3; ++j) {
      sampler.go(static_cast<double>(j));
      sampler.inside(in.data());
      if (d.grey == Grey::uint8) {
        sampler.values<std::uint8_t>(13, bytes_row.data());
        std::copy(bytes_row.begin(), bytes_row.end(), numbers.begin());
      } else {
        sampler.values<double>(13, numbers.data());
      }
      sampler.linear(between.data());
      for (std::size_t i = 0; i < width; ++i) {
        const Vec3 start = frame->row_start(static_cast<double>(frame->left() - 3 + static_cast<std::int64_t>(i)));
        const Vec3 down = frame->down();
        const auto y = static_cast<double>(j);
        const Vec3 p{start.x + y * down.x, start.y + y * down.y, start.z + y * down.z};
        const Voxel v = nearest_voxel(p);
        const auto holds = [&](const Voxel& at) { return d.box.contains(at) && inside(at.x, at.y, at.z); };
        ASSERT_EQ(in[i] != 0, holds(v)) << round << " " << i << "," << j;
        ASSERT_EQ(numbers[i], holds(v) ? value(v.x, v.y, v.z) : 13) << round << " " << i << "," << j;
        double sum = 0;
        const Voxel f{static_cast<std::int64_t>(std::floor(p.x)), static_cast<std::int64_t>(std::floor(p.y)),
                      static_cast<std::int64_t>(std::floor(p.z))};
        for (int corner = 0; corner < 8; ++corner) {
          const Voxel at{f.x + (corner & 1), f.y + (corner >> 1 & 1), f.z + (corner >> 2)};
          const double w = (1 - std::abs(p.x - static_cast<double>(at.x))) *
                           (1 - std::abs(p.y - static_cast<double>(at.y))) *
                           (1 - std::abs(p.z - static_cast<double>(at.z)));
          sum += w * (holds(at) ? value(at.x, at.y, at.z) : 13);
        }
        ASSERT_NEAR(between[i], sum, 1e-6) << round << " " << i << "," << j;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Storage, Sections,
                         testing::Values(Case{Grey::uint8, false, 16, false}, Case{Grey::uint8, false, 16, true},
                                         Case{Grey::uint8, true, 16, true}, Case{Grey::uint8, true, 8, false},
                                         Case{Grey::uint8, true, 12, true}, Case{Grey::float64, false, 16, true},
                                         Case{Grey::float64, true, 16, false}));

// Pictures do not depend on how they are cut into tiles.
TEST(Render, TilesAreParts) {
  VolumeDescription d;
  d.box = {0, 0, 0, 60, 50, 40};
  auto object = open_object(
      synthetic::Maker().volume(d, value, [](auto x, auto y, auto z) { return (x ^ y ^ z) % 3 != 0; }).bytes(), {});
  ASSERT_TRUE(object);
  std::mt19937 random(3);
  for (const Interpolation interpolation : {Interpolation::nearest, Interpolation::linear}) {
    Request request;
    request.view = random_view(random);
    request.interpolation = interpolation;
    auto scene = scene_of(**object, request, {}, {});
    ASSERT_TRUE(scene);
    const Frame& f = scene->frame;
    auto whole = render(*scene, {0, 0, f.width(), f.height()}, true, {});
    ASSERT_TRUE(whole);
    const TileGrid grid{23, 17};
    for (std::int64_t t = 0; const auto rect = grid.tile(f, t); ++t) {
      auto tile = render(*scene, *rect, true, {});
      ASSERT_TRUE(tile);
      for (int y = 0; y < tile->height; ++y) {
        const std::uint8_t* from = whole->row(static_cast<int>(rect->y) + y) + rect->x * 2;
        ASSERT_TRUE(std::equal(tile->row(y), tile->row(y) + tile->stride, from)) << t << " row " << y;
      }
    }
    EXPECT_FALSE(grid.tile(f, -1));
  }
}

TEST(Render, DomainsWithoutValuesAreFlatAndMapsMakeColours) {
  VolumeDescription d;
  d.box = {0, 0, 0, 9, 9, 3};
  d.grey = Grey::none;
  const auto half = [](auto x, auto, auto) { return x < 5; };
  auto domain = open_object(synthetic::Maker().volume(d, value, half).bytes(), {});
  ASSERT_TRUE(domain);
  Request request;
  request.view.distance = 1;
  auto picture = render(*scene_of(**domain, request, {}, {}), {0, 0, 5, 10}, true, {});
  ASSERT_TRUE(picture);
  ASSERT_EQ(picture->channels, 2);
  EXPECT_EQ(picture->row(3)[2], 255);
  EXPECT_EQ(picture->row(3)[3], 255);
  d.grey = Grey::uint8;
  auto grey = open_object(
      synthetic::Maker().volume(d, [](auto x, auto, auto) { return 10.0 * static_cast<double>(x); }).bytes(), {});
  ASSERT_TRUE(grey);
  auto map = parse_map("LINEAR,0,255,0,255,LINEAR,0,255,255,0,LINEAR,0,255,0,0");
  ASSERT_TRUE(map);
  request.map = *map;
  auto coloured = render(*scene_of(**grey, request, {}, {}), {0, 0, 10, 10}, false, {});
  ASSERT_TRUE(coloured);
  ASSERT_EQ(coloured->channels, 3);
  EXPECT_EQ(coloured->row(2)[3 * 4], (*map)(40) & 255);
  EXPECT_EQ(coloured->row(2)[3 * 4 + 1], (*map)(40) >> 8 & 255);
  EXPECT_EQ(coloured->row(2)[3 * 4 + 2], 0);
  d.grey = Grey::float32;
  auto real = open_object(synthetic::Maker().volume(d, value).bytes(), {});
  EXPECT_EQ(render(*scene_of(**real, request, {}, {}), {0, 0, 10, 10}, false, {}).error().code, Code::bad_request);
}

TEST(Frame, RefusesViewsWithoutAPicture) {
  View view;
  view.scale = 1e9;
  EXPECT_FALSE(Frame::make(view, {0, 0, 0, 99, 99, 99}, {1, 1, 1}));
  view.scale = 0;
  EXPECT_FALSE(Frame::make(view, {0, 0, 0, 99, 99, 99}, {1, 1, 1}));
  view.scale = 1;
  view.distance = std::nan("");
  EXPECT_FALSE(Frame::make(view, {0, 0, 0, 99, 99, 99}, {1, 1, 1}));
}

TEST(Frame, GoesThereAndBack) {
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    const View view = random_view(random);
    auto frame = Frame::make(view, {-5, 0, 10, 99, 50, 60}, {1, 1.5, 2.25});
    ASSERT_TRUE(frame);
    const Vec3 p{3, -8, 21};
    const Vec3 back = frame->to_object(frame->to_section(p));
    EXPECT_NEAR(back.x, p.x, 1e-9);
    EXPECT_NEAR(back.y, p.y, 1e-9);
    EXPECT_NEAR(back.z, p.z, 1e-9);
    EXPECT_NEAR(frame->to_section(view.fixed).z, 0, 1e-9);
    EXPECT_EQ(frame->at(view.distance + 40).width(), frame->width());
  }
}

TEST(Projection, IsTheSumAlongTheAxis) {
  VolumeDescription d;
  d.box = {-4, 2, 5, 25, 30, 44};
  const auto inside = [](auto x, auto y, auto z) { return (x + 2 * y + z) % 5 != 0 && x + y > 4; };
  auto object = open_object(synthetic::Maker().volume(d, value, inside).bytes(), {});
  ASSERT_TRUE(object);
  Request request;
  request.view.projecting = Projecting::density;
  auto scene = scene_of(**object, request, {}, {});
  ASSERT_TRUE(scene) << scene.error().message;
  auto picture = render(*scene, {0, 0, 30, 29}, true, {});
  ASSERT_TRUE(picture);
  std::vector<int> levels;
  for (std::int64_t y = d.box.y1; y <= d.box.y2; ++y) {
    for (std::int64_t x = d.box.x1; x <= d.box.x2; ++x) {
      double sum = 0;
      for (std::int64_t z = d.box.z1; z <= d.box.z2; ++z) {
        sum += inside(x, y, z) ? 255 - value(x, y, z) : 0;
      }
      levels.push_back(static_cast<int>(sum / 256));
    }
  }
  int low = 1 << 30;
  int high = 0;
  for (const int level : levels) {
    low = level > 0 ? std::min(low, level) : low;
    high = std::max(high, level);
  }
  ASSERT_GT(high, low);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const std::uint8_t* pixel = picture->data.data() + 2 * i;
    EXPECT_EQ(pixel[1], levels[i] > 0 ? 255 : 0);
    if (levels[i] > 0) {
      EXPECT_EQ(pixel[0], static_cast<int>(std::floor((levels[i] - low) * 255.0 / (high - low) + 0.5)));
    }
  }
}

}  // namespace
}  // namespace microtome::woolz
