// SPDX-License-Identifier: Apache-2.0
#include "protocol/zoomify.hpp"

#include <gtest/gtest.h>

#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

TEST(Zoomify, ReadsPaths) {
  EXPECT_EQ(parse_zoomify("set/41/ImageProperties.xml")->id, "set/41");
  const auto tile = parse_zoomify("set/41/TileGroup12/3-4-5.jpg");
  ASSERT_TRUE(tile && tile->tile);
  EXPECT_EQ(tile->id, "set/41");
  EXPECT_EQ(tile->tile->tier, 3);
  EXPECT_EQ(tile->tile->x, 4);
  EXPECT_EQ(tile->tile->y, 5);
  for (const char* path : {"", "a", "/ImageProperties.xml", "a/TileGroup0", "TileGroup0/0-0-0.jpg", "a/0-0-0.jpg",
                           "a/TileGroup/0-0-0.jpg", "a/TileGroupx/0-0-0.jpg", "a/TileGroup0/0-0.jpg",
                           "a/TileGroup0/0-0--1.jpg", "a/TileGroup0/0-0-0", "a/TileGroup0/0-0-0.exe",
                           "a/TileGroup0/99999999999999999999-0-0.jpg", "a/TileGroup0/+1-0-0.jpg"}) {
    EXPECT_FALSE(parse_zoomify(path)) << path;
  }
}

TEST(Zoomify, CountsTiersInBothWays) {
  image::PictureInfo info;
  info.width = 513;
  info.height = 300;
  EXPECT_EQ(zoomify_tiers(info, 256, false).count, 3);  // 513, 257, 129
  EXPECT_EQ(zoomify_tiers(info, 256, false).tiles, 3 * 2 + 2 * 1 + 1);
  EXPECT_EQ(zoomify_tiers(info, 256, true).count, 2);  // 513, 256
  EXPECT_EQ(zoomify_tiers(info, 256, true).tiles, 3 * 2 + 1);
}

class ZoomifyService : public ServiceTest {};

TEST_F(ZoomifyService, ServesTilesWhateverTheGroup) {
  dir.write("p.tif", "700x500 128");
  EXPECT_EQ(
      text("/zoomify/p.tif/ImageProperties.xml"),
      R"(<IMAGE_PROPERTIES WIDTH="700" HEIGHT="500" NUMTILES="33" NUMIMAGES="1" VERSION="1.8" TILESIZE="128"/>)");
  EXPECT_EQ(size("/zoomify/p.tif/TileGroup0/0-0-0.jpg"), "88x63");
  EXPECT_EQ(size("/zoomify/p.tif/TileGroup7/3-5-3.png"), "60x116");
  EXPECT_EQ(text("/?Zoomify=p.tif/TileGroup1/3-1-1.png"), text("/zoomify/p.tif/TileGroup0/3-1-1.png"));
  EXPECT_EQ(status("/zoomify/p.tif/TileGroup0/4-0-0.jpg"), 404);
  EXPECT_EQ(status("/zoomify/p.tif/TileGroup0/3-6-0.jpg"), 404);
  EXPECT_EQ(status("/zoomify/none.tif/ImageProperties.xml"), 404);
}

TEST_F(ZoomifyService, AskedSoItCutsTiersOff) {
  dir.write("p.tif", "257x10 128");
  EXPECT_EQ(size("/zoomify/p.tif/TileGroup0/0-0-0.png"), "65x3");
  EXPECT_EQ(size("/zoomify/p.tif/TileGroup0/0-0-0.png?tiers=truncated"), "128x5");
}

}  // namespace
}  // namespace microtome::protocol
