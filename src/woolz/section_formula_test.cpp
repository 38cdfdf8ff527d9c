// SPDX-License-Identifier: Apache-2.0
// Pictures of sections against the formulas of docs/formats/woolz.md, written down here once more: nothing of the
// code under test says where a pixel lies.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <random>

#include "woolz/query.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

using Row = std::array<double, 3>;
using Matrix = std::array<Row, 3>;

constexpr Box kBox{-9, -17, 3, 21, 14, 25};
constexpr Row kSize{1, 1.25, 2};
constexpr int kBackground = 13;

double value(std::int64_t x, std::int64_t y, std::int64_t z) {
  return static_cast<double>((x * 5 + y * 11 + z * 17 + 3000) % 250);
}
bool inside(std::int64_t x, std::int64_t y, std::int64_t z) {
  return (x * x + y * z) % 11 != 0 && x + y < 30;
}

double rounded(double v) {
  return v < 0 ? std::trunc(v - 0.5) : std::trunc(v + 0.5);
}
double angle(double y, double x) {
  return std::abs(y) < 1e-6 && std::abs(x) < 1e-6 ? 0 : std::atan2(y, x);
}

// Zeta, the matrix and the corner of a view, as the document has them.
struct Plane {
  explicit Plane(const View& v) : view(v) {
    const double t = v.yaw * std::numbers::pi / 180;
    const double p = v.pitch * std::numbers::pi / 180;
    const double ct = std::cos(t);
    const double st = std::sin(t);
    const double cp = std::cos(p);
    const double sp = std::sin(p);
    const Row u{v.up.x * kSize[0], v.up.y * kSize[1], v.up.z * kSize[2]};
    const Row f{(v.fixed2.x - v.fixed.x) * kSize[0], (v.fixed2.y - v.fixed.y) * kSize[1],
                (v.fixed2.z - v.fixed.z) * kSize[2]};
    switch (v.mode) {
      case Mode::zeta:
        zeta = v.roll * std::numbers::pi / 180;
        break;
      case Mode::zero_zeta:
        break;
      case Mode::statue:
        zeta = -t;
        break;
      case Mode::up_is_up:
        zeta = angle(u[0] * cp * ct + u[1] * cp * st - u[2] * sp, -u[0] * st + u[1] * ct);
        break;
      case Mode::fixed_line:
        zeta = angle(-f[0] * st + f[1] * ct, f[0] * cp * ct + f[1] * cp * st - f[2] * sp);
        break;
    }
    const double cz = std::cos(zeta);
    const double sz = std::sin(zeta);
    rotation = {{{cz * cp * ct - sz * st, cz * cp * st + sz * ct, -cz * sp},
                 {-sz * cp * ct - cz * st, -sz * cp * st + cz * ct, sz * sp},
                 {sp * ct, sp * st, cp}}};
    low = {1e9, 1e9, 1e9};
    high = {-1e9, -1e9, -1e9};
    for (const std::int64_t x : {kBox.x1, kBox.x2}) {
      for (const std::int64_t y : {kBox.y1, kBox.y2}) {
        for (const std::int64_t z : {kBox.z1, kBox.z2}) {
          const Row q{(static_cast<double>(x) - v.fixed.x) * kSize[0] * v.scale,
                      (static_cast<double>(y) - v.fixed.y) * kSize[1] * v.scale,
                      (static_cast<double>(z) - v.fixed.z) * kSize[2] * v.scale};
          for (std::size_t i = 0; i < 3; ++i) {
            const double at = rotation[i][0] * q[0] + rotation[i][1] * q[1] + rotation[i][2] * q[2];
            low[i] = std::min(low[i], at);
            high[i] = std::max(high[i], at);
          }
        }
      }
    }
  }
  // The object's point under a point of the section.
  [[nodiscard]] Vec3 under(double x, double y) const {
    const Row q{x, y, view.distance};
    Row p{};
    for (std::size_t i = 0; i < 3; ++i) {
      p[i] = (rotation[0][i] * q[0] + rotation[1][i] * q[1] + rotation[2][i] * q[2]) / (view.scale * kSize[i]);
    }
    return {p[0] + view.fixed.x, p[1] + view.fixed.y, p[2] + view.fixed.z};
  }

  View view;
  double zeta = 0;
  Matrix rotation{};
  Row low{};
  Row high{};
};

View random_view(std::mt19937& random, int round) {
  std::uniform_real_distribution<double> unit(0, 1);
  View view;
  view.mode = static_cast<Mode>(round % 5);
  view.pitch = 180 * unit(random);
  view.yaw = 360 * unit(random);
  view.roll = 360 * unit(random);
  view.distance = 30 * unit(random) - 15;
  view.fixed = {20 * unit(random) - 5, 20 * unit(random) - 10, 15 * unit(random)};
  view.fixed2 = {view.fixed.x + 20 * unit(random) - 10, view.fixed.y + 20 * unit(random) - 10, 30 * unit(random)};
  view.up = {2 * unit(random) - 1, 2 * unit(random) - 1, 2 * unit(random) - 1};
  view.scale = round % 2 == 0 ? 0.2 + 0.7 * unit(random) : 1 + 2.5 * unit(random);
  return view;
}

// A point so near to the border of two voxels that the last digits of the arithmetic decide.
bool undecided(const Vec3& p) {
  const auto near = [](double v) { return std::abs(v - std::floor(v) - 0.5) < 1e-9; };
  return near(p.x) || near(p.y) || near(p.z);
}

class Formula : public testing::TestWithParam<std::tuple<Grey, bool>> {};

TEST_P(Formula, EveryPixelIsTheVoxelThatTheDocumentNames) {
  const auto [grey, tiled] = GetParam();
  VolumeDescription d;
  d.box = kBox;
  d.voxel_size = kSize;
  d.grey = grey;
  d.background = synthetic::grey_value(grey, kBackground);
  d.tiled = tiled;
  const auto object = open_object(synthetic::Maker().volume(d, value, inside).bytes(), {});
  ASSERT_TRUE(object) << object.error().context;
  ASSERT_EQ((*object)->base()->box, kBox);
  std::mt19937 random(11);
  for (int round = 0; round < 30; ++round) {
    Request request;
    request.view = random_view(random, round);
    const Plane plane(request.view);
    const auto scene = scene_of(**object, request, {}, {});
    ASSERT_TRUE(scene);
    const Frame& frame = scene->frame;
    ASSERT_EQ(frame.width(), static_cast<std::int64_t>(plane.high[0] - plane.low[0]) + 1) << round;
    ASSERT_EQ(frame.height(), static_cast<std::int64_t>(plane.high[1] - plane.low[1]) + 1) << round;
    EXPECT_NEAR(frame.minimum().z, plane.low[2], 1e-9);
    EXPECT_NEAR(frame.maximum().z, plane.high[2], 1e-9);
    EXPECT_NEAR(std::cos(frame.zeta() - plane.zeta), 1, 1e-12);
    const auto picture = render(*scene, {0, 0, frame.width(), frame.height()}, true, {});
    ASSERT_TRUE(picture);
    const int channels = grey == Grey::rgba ? 4 : 2;
    ASSERT_EQ(picture->channels, channels);
    for (int y = 0; y < picture->height; ++y) {
      for (int x = 0; x < picture->width; ++x) {
        const Vec3 p = plane.under(rounded(plane.low[0]) + x, rounded(plane.low[1]) + y);
        if (undecided(p)) {
          continue;
        }
        const Voxel v{static_cast<std::int64_t>(rounded(p.x)), static_cast<std::int64_t>(rounded(p.y)),
                      static_cast<std::int64_t>(rounded(p.z))};
        const bool in = kBox.contains(v) && inside(v.x, v.y, v.z);
        const std::uint8_t* pixel = picture->row(y) + static_cast<std::ptrdiff_t>(x) * channels;
        const double want = grey == Grey::none ? 255 : value(v.x, v.y, v.z);
        ASSERT_EQ(pixel[0], in ? want : grey == Grey::none ? 0 : kBackground) << round << ": " << x << "," << y;
        ASSERT_EQ(pixel[channels - 1], in ? 255 : 0) << round << ": " << x << "," << y;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Greys, Formula,
                         testing::Values(std::tuple{Grey::none, false}, std::tuple{Grey::uint8, false},
                                         std::tuple{Grey::uint8, true}, std::tuple{Grey::int16, false},
                                         std::tuple{Grey::int16, true}, std::tuple{Grey::int32, false},
                                         std::tuple{Grey::int32, true}, std::tuple{Grey::float32, false},
                                         std::tuple{Grey::float32, true}, std::tuple{Grey::float64, false},
                                         std::tuple{Grey::float64, true}, std::tuple{Grey::rgba, false},
                                         std::tuple{Grey::rgba, true}));

// PRL: the point under pixel (x, y) of a tile, of tile -1 as of tile 0, and of tiles beyond the section; from the
// corner as it is, not from the rounded one.
TEST(FormulaOfPoints, AreUnderPixelsOfAnyTile) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    const View view = random_view(random, round);
    const Plane plane(view);
    const auto frame = Frame::make(view, kBox, kSize);
    ASSERT_TRUE(frame);
    const TileGrid grid{8 + round % 30, 5 + round % 17};
    const std::int64_t across = (frame->width() + grid.width - 1) / grid.width;
    const std::int64_t count = across * ((frame->height() + grid.height - 1) / grid.height);
    for (const std::int64_t tile : {std::int64_t{-1}, std::int64_t{0}, count / 2, count - 1, count, count + 7}) {
      const std::int64_t at = std::max<std::int64_t>(tile, 0);
      const double x = 3.25 + round;
      const double y = 1.5 - round;
      const Vec3 want = plane.under(plane.low[0] + static_cast<double>(at % across * grid.width) + x,
                                    plane.low[1] + static_cast<double>(at / across * grid.height) + y);
      const Vec3 got = grid.point(*frame, tile, x, y);
      EXPECT_NEAR(got.x, want.x, 1e-7) << round << " tile " << tile;
      EXPECT_NEAR(got.y, want.y, 1e-7) << round << " tile " << tile;
      EXPECT_NEAR(got.z, want.z, 1e-7) << round << " tile " << tile;
      EXPECT_EQ(grid.tile(*frame, tile).has_value(), tile >= 0 && tile < count);
    }
  }
}

}  // namespace
}  // namespace microtome::woolz
