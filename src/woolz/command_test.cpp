// SPDX-License-Identifier: Apache-2.0
#include "woolz/command.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "woolz/plane_fit.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

Parameters take(std::initializer_list<std::pair<const char*, const char*>> commands) {
  Parameters p;
  for (const auto& [name, argument] : commands) {
    EXPECT_TRUE(take_parameter(p, name, argument)) << name;
  }
  return p;
}

TEST(Command, ViewsAreClampedOrKept) {
  const View v = take({{"pit", "200"},
                       {"YAW", "-5"},
                       {"Rol", "1e3"},
                       {"dst", "-12.5"},
                       {"SCL", "-1"},
                       {"scl", "nan"},
                       {"FXP", "1,2"},
                       {"fxt", "1,2,3,4"},
                       {"UPV", "1,2,-1"},
                       {"mod", "Fixed_Line"},
                       {"RMD", "prjd"},
                       {"DPT", "3"}})
                     .request.view;
  EXPECT_EQ(v.pitch, 180);
  EXPECT_EQ(v.yaw, 0);
  EXPECT_EQ(v.roll, 360);
  EXPECT_EQ(v.distance, -12.5);
  EXPECT_EQ(v.scale, 1);
  EXPECT_EQ(v.fixed, Vec3{});
  EXPECT_EQ(v.fixed2, Vec3{});
  EXPECT_EQ(v.up, (Vec3{1, 2, -1}));
  EXPECT_EQ(v.mode, Mode::fixed_line);
  EXPECT_EQ(v.projecting, Projecting::thickness);
  EXPECT_EQ(v.depth, 3);
  EXPECT_EQ(take({{"mod", "zeta"}, {"mod", "bogus"}}).request.view.mode, Mode::up_is_up);
  EXPECT_EQ(take({{"scl", "inf"}, {"dst", "1e999"}}).request.view, View{});
}

TEST(Command, SpacesMeanNothing) {
  EXPECT_EQ(take({{"FXP", " 57, 32 , 36 "}}).request.view.fixed, (Vec3{57, 32, 36}));
  EXPECT_EQ(take({{"MOD", " zeta "}}).request.view.mode, Mode::zeta);
  EXPECT_EQ(take({{"RMD", "PRJN "}}).request.view.projecting, Projecting::shadow);
  EXPECT_EQ(take({{"FPL", "2, (30, 30,40 ) , (60,20,30) "}}).fitting->items.size(), 3U);
  EXPECT_EQ((*parse_map(" LINEAR , 0, 100 ,0,255"))(100), 253U);
}

TEST(Command, PointsAndNames) {
  const Parameters p = take({{"prl", "-1,20,36"}, {"PAB", "1,2.5,3"}});
  EXPECT_EQ(p.tile_point->tile, -1);
  EXPECT_EQ(p.tile_point->y, 36);
  EXPECT_EQ(*p.object_point, (Vec3{1, 2.5, 3}));
  Parameters q;
  EXPECT_FALSE(*take_parameter(q, "FIF", "x"));
  EXPECT_FALSE(take_parameter(q, "SEL", "union("));
  EXPECT_FALSE(take_parameter(q, "MAP", "LINEAR,0"));
  EXPECT_FALSE(take_parameter(q, "FPL", "(1,2)"));
  for (const char* bad : {"", "cubic", "near", "AREA,"}) {
    EXPECT_EQ(take_parameter(q, "ITP", bad).error().code, Code::bad_request) << bad;
  }
  std::string many = "0";
  for (int i = 0; i < 4096; ++i) {
    many += ",0";
  }
  EXPECT_FALSE(take_parameter(q, "FPL", many));
}

TEST(Command, FittedPlanes) {
  auto object = open_object(synthetic::sample("comp_grey.wlz"), {});
  ASSERT_TRUE(object);
  auto fitted = take({{"FPL", "(30,30,40),(60,20,30),(50,50,50)"}}).resolved(**object);
  ASSERT_TRUE(fitted);
  EXPECT_NEAR(fitted->view.pitch, 147.487, 5e-4);
  EXPECT_NEAR(fitted->view.yaw, 101.31, 5e-3);
  EXPECT_NEAR(fitted->view.distance, -21.0819, 5e-5);
  EXPECT_EQ(take({{"FPL", "(30,30,40),(60,20,30),(50,50,50)"}, {"DST", "4"}}).resolved(**object)->view.distance, 4);
  EXPECT_FALSE(take({{"FPL", "2,3"}}).resolved(**object));
  EXPECT_FALSE(take({{"FPL", "2,3,99"}}).resolved(**object));
  EXPECT_TRUE(take({{"FPL", "2,3,(1,2,3)"}}).resolved(**object));
}

TEST(PlaneFit, ManyPointsNearAPlane) {
  std::vector<Vec3> points;
  for (int i = 0; i < 50; ++i) {
    const double x = i % 7 * 3.0;
    const double y = i / 7 * 2.0;
    points.push_back({x, y, 0.5 * x - 0.25 * y + 9 + (i % 2 == 0 ? 0.01 : -0.01)});
  }
  const auto fit = fit_plane(points, {0, 0, 9});
  ASSERT_TRUE(fit);
  const double length = std::sqrt(0.25 + 0.0625 + 1);
  EXPECT_NEAR(fit->pitch, std::acos(-1 / length) * 180 / M_PI, 0.05);
  EXPECT_NEAR(fit->distance, 0, 0.05);
}

TEST(ValueMap, Functions) {
  const auto map = [](const char* text) { return *parse_map(text); };
  const ValueMap identity = map("IDENTITY,40,90,0,255");
  EXPECT_EQ(identity(10), 0U);
  EXPECT_EQ(identity(50), 10U);
  EXPECT_EQ(identity(1000), 50U);
  const ValueMap linear = map("linear,-9000,13000,0,255");
  EXPECT_EQ(linear(-9000), 0U);
  EXPECT_EQ(linear(13000), 255U);
  EXPECT_EQ(linear(2000), static_cast<std::uint32_t>(11000.0 * 256 / 22001 + 1e-6));
  const ValueMap gamma = map("GAMMA,0,255,10,200,2.2");
  EXPECT_EQ(gamma(0), 10U);
  EXPECT_EQ(gamma(128), static_cast<std::uint32_t>(191 * std::pow(128 / 256.0, 2.2) + 10 + 1e-6));
  const ValueMap sigmoid = map("SIGMOID,0,255,0,255,128,8");
  EXPECT_LT(sigmoid(20), sigmoid(128));
  EXPECT_LT(sigmoid(128), sigmoid(230));
  EXPECT_TRUE(map("LINEAR,0,9,0,9,LINEAR,0,9,0,9,LINEAR,0,9,0,9").colour());
  for (const char* bad : {"", "LINEAR", "LINEAR,0,9,0", "LINEAR,9,0,0,9", "LINEAR,0,9,0,256", "LINEAR,0,9,-1,9",
                          "FOO,0,9,0,9", "GAMMA,0,9,0,9", "SIGMOID,0,9,0,9,1", "LINEAR,0,9,0,9,LINEAR,0,8,0,9",
                          "LINEAR,0,9.5,0,9", "LINEAR,-2000000000,2000000000,0,255", "GAMMA,0,9,0,9,nan"}) {
    EXPECT_FALSE(parse_map(bad)) << bad;
  }
}

}  // namespace
}  // namespace microtome::woolz
