// SPDX-License-Identifier: Apache-2.0
#include "woolz/pyramid.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "io/scratch_dir.hpp"
#include "woolz/query.hpp"
#include "woolz/store.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

double value(std::int64_t x, std::int64_t y, std::int64_t z) {
  return static_cast<double>((x * 3 + y * 5 + z * 11 + 3000) % 240);
}
bool inside(std::int64_t x, std::int64_t y, std::int64_t z) {
  return x * x + y * y + z * z < 900 && (x + y) % 9 != 0;
}

Bytes object_bytes(Grey grey, bool tiled) {
  VolumeDescription d;
  d.box = {-35, -31, -33, 36, 40, 38};
  d.grey = grey;
  d.tiled = tiled;
  d.background = {grey == Grey::rgba ? 0.0 : 7.0, 0};
  return synthetic::Maker().volume(d, value, inside).bytes();
}

// The mean of the voxels inside, and how many they are.
std::pair<double, int> mean(std::int64_t cx, std::int64_t cy, std::int64_t cz, const Body& body) {
  double sum = 0;
  int count = 0;
  for (int i = 0; i < 8; ++i) {
    const Voxel v{2 * cx + (i & 1), 2 * cy + (i >> 1 & 1), 2 * cz + (i >> 2)};
    if (body.domain->contains(v)) {
      const GreyValue g = body.values->at(v);
      sum += body.grey() == Grey::rgba ? static_cast<double>(g.rgba & 255) : g.number;
      ++count;
    }
  }
  return {count > 0 ? sum / count : 0, count};
}

TEST(Pyramid, EachLevelHoldsTheMeansOfTheOneAbove) {
  for (const Grey grey : {Grey::uint8, Grey::int16, Grey::float32, Grey::rgba}) {
    for (const bool tiled : {false, true}) {
      auto object = open_object(object_bytes(grey, tiled), {});
      ASSERT_TRUE(object);
      BodyPtr above = (*object)->base()->body;
      auto pyramid = pyramid_of(above, {}, {}, {}, {});
      ASSERT_TRUE(pyramid) << pyramid.error().message;
      ASSERT_GE((*pyramid)->size(), 2U);
      for (const BodyPtr& level : **pyramid) {
        ASSERT_EQ(level->grey(), grey);
        for (std::int64_t z = -20; z <= 22; ++z) {
          for (std::int64_t y = -20; y <= 22; ++y) {
            for (std::int64_t x = -20; x <= 22; ++x) {
              const auto [wanted, count] = mean(x, y, z, *above);
              ASSERT_EQ(level->domain->contains({x, y, z}), count >= 4);
              if (count >= 4) {
                const GreyValue got = level->values->at({x, y, z});
                const double v = grey == Grey::rgba ? static_cast<double>(got.rgba & 255) : got.number;
                ASSERT_NEAR(v, grey == Grey::float32 ? wanted : std::round(wanted), 1e-4);
              }
            }
          }
        }
        above = level;
      }
    }
  }
}

TEST(Pyramid, LevelsAreKeptBesideTheObject) {
  io::ScratchDir dir;
  StoreOptions options;
  options.open.memory_bytes = 0;
  const std::string path = dir.write("a.wlz", object_bytes(Grey::uint8, false));
  std::uint64_t first = 0;
  for (int round = 0; round < 2; ++round) {
    Store store(options);
    auto object = store.open(path);
    ASSERT_TRUE(object);
    auto pyramid = store.pyramid(path, *object, 0, {});
    ASSERT_TRUE(pyramid);
    ASSERT_TRUE(std::filesystem::exists(path + ".bricks.1"));
    const auto inode = (*io::File::open(path + ".bricks.1"))->id().inode;
    EXPECT_TRUE(round == 0 || inode == first) << "made again";
    first = inode;
    auto again = store.pyramid(path, *object, 0, {});
    EXPECT_EQ(*again, *pyramid);
  }
}

// A quarter-size picture of a smooth volume is close to the mean of the full one.
TEST(Pyramid, SmallPicturesAreMeans) {
  VolumeDescription d;
  d.box = {0, 0, 0, 127, 127, 127};
  const auto rough = [](auto x, auto y, auto z) { return static_cast<double>((x + z) % 2 == 0 ? 200 - y : y); };
  auto object = open_object(synthetic::Maker().volume(d, rough).bytes(), {});
  ASSERT_TRUE(object);
  const auto pyramid = pyramid_of((*object)->base()->body, {}, {}, {}, {});
  Request request;
  request.interpolation = Interpolation::area;
  request.view.mode = Mode::zeta;
  request.view.distance = 63.5;
  auto scene = scene_of(**object, request, {}, {});
  ASSERT_TRUE(scene);
  ASSERT_TRUE(use_pyramids(*scene, **object, 4, [&](std::size_t) { return pyramid; }));
  EXPECT_EQ(scene->layers[0].level, 2);
  auto small = render_raster(*scene, {1.5, 1.5, 4, 32, 32}, false, {});
  ASSERT_TRUE(small);
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      EXPECT_NEAR(small->row(y)[x], 100, 2) << x << "," << y;
    }
  }
}

TEST(Store, OpensOnceAndForgetsTheOldest) {
  io::ScratchDir dir;
  StoreOptions options;
  options.max_count = 2;
  Store store(options);
  std::vector<ObjectPtr> objects;
  for (const char* name : {"a.wlz", "b.wlz", "c.wlz"}) {
    const std::string path = dir.write(name, object_bytes(Grey::uint8, false));
    auto object = store.open(path);
    ASSERT_TRUE(object);
    EXPECT_EQ(*store.open(path), *object);
    objects.push_back(*object);
  }
  EXPECT_EQ(store.count(), 2U);
  EXPECT_NE(*store.open(dir.path("a.wlz")), objects[0]);
  EXPECT_EQ(*store.open(dir.path("c.wlz")), objects[2]);
  EXPECT_EQ(store.open(dir.path("d.wlz")).error().code, Code::not_found);
  const Expression e = parse_selector("threshold(0,100,ge)")->expression;
  Work work;
  auto one = store.select(dir.path("c.wlz"), objects[2], e, {}, work);
  ASSERT_TRUE(one);
  EXPECT_EQ(*store.select(dir.path("c.wlz"), objects[2], e, {}, work), *one);
  options.max_bytes = 10;
  Store tiny(options);
  ASSERT_TRUE(tiny.open(dir.path("a.wlz")));
  EXPECT_EQ(tiny.bytes(), 0U);
}

}  // namespace
}  // namespace microtome::woolz
