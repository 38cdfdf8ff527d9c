// SPDX-License-Identifier: Apache-2.0
#include "image/tiff_info.hpp"

#include <gtest/gtest.h>

namespace microtome::image {
namespace {

TEST(PixelSize, is_found_in_descriptions) {
  const auto x = [](std::string_view text) { return size_in_description(text).value_or(PixelSize{}).x; };
  EXPECT_EQ(x("Aperio Image Library v11.2.1 \r\n46000x32914|AppMag = 20|MPP = 0.4990|Left = 25.6"), 0.499);
  EXPECT_EQ(x("Aperio Image Library|MPP = nonsense"), 0);
  EXPECT_EQ(x("Aperio Image Library|MPP = -1"), 0);
  EXPECT_EQ(x("my notes: MPP = 3"), 0);
  const std::string_view ome =
      R"(<?xml version="1.0"?><OME xmlns="x"><Image ID="0"><Pixels BigEndian="true" PhysicalSizeX="0.25" )"
      R"(PhysicalSizeXUnit="µm" PhysicalSizeY="500" PhysicalSizeYUnit="nm" PhysicalSizeZ="3"/></Image></OME>)";
  EXPECT_EQ(x(ome), 0.25);
  EXPECT_EQ(size_in_description(ome)->y, 0.5);
  EXPECT_EQ(x(R"(<OME><Pixels PhysicalSizeX="0.5"></OME>)"), 0.5);
  EXPECT_EQ(x(R"(<OME><Pixels PhysicalSizeX="0.5" PhysicalSizeXUnit="pixel"></OME>)"), 0);
  EXPECT_EQ(x(R"(<OME><Pixels PhysicalSizeX="1e999"></OME>)"), 0);
  EXPECT_EQ(x(R"(<OME><Pixels PhysicalSizeX=)"), 0);
  EXPECT_EQ(x(R"(<OME><Pixels )"), 0);
}

TEST(PixelSize, comes_from_the_resolution_where_that_means_something) {
  const auto x = [](double dots, bool centimetre) {
    return size_from_resolution(dots, dots, centimetre).value_or(PixelSize{}).x;
  };
  EXPECT_DOUBLE_EQ(x(20000, true), 0.5);
  EXPECT_DOUBLE_EQ(x(2400, false), 25400.0 / 2400);
  for (const double unknown : {72.0, 96.0, 1.0, 25.4}) {
    EXPECT_EQ(x(unknown, false), 0) << unknown;
  }
  EXPECT_EQ(x(10, true), 0);
  EXPECT_EQ(x(28.35, true), 0);  // 72 dpi in centimetres
  EXPECT_EQ(x(0, true), 0);
  EXPECT_EQ(x(-5, true), 0);
  EXPECT_EQ(x(1e300, false), 0);
  EXPECT_DOUBLE_EQ(size_from_resolution(20000, 0, true)->y, 0.5);
}

}  // namespace
}  // namespace microtome::image
