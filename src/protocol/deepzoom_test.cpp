// SPDX-License-Identifier: Apache-2.0
#include "protocol/deepzoom.hpp"

#include <gmock/gmock.h>

#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

std::string shown(std::string_view path) {
  const auto parsed = parse_deepzoom(path);
  if (!parsed) {
    return "none";
  }
  std::string text(parsed->id);
  if (parsed->tile) {
    text += " " + std::to_string(parsed->tile->level) + " " + std::to_string(parsed->tile->x) + " " +
            std::to_string(parsed->tile->y) + " " + std::string(codec::media_type(parsed->tile->format));
  }
  return text;
}

TEST(DeepZoomPath, IsCutFromItsEnd) {
  EXPECT_EQ(shown("a.dzi"), "a");
  EXPECT_EQ(shown("s/41.xml"), "s/41");
  EXPECT_EQ(shown("a_files/10/3_4.jpg"), "a 10 3 4 image/jpeg");
  EXPECT_EQ(shown("a_files/b_files/0/0_0.webp"), "a_files/b 0 0 0 image/webp");
  for (const char* path : {"", ".dzi", "a", "a_files/", "a_files/1/2.jpg", "a_files/1/2_3", "a_files/1/2_3.bmp",
                           "a_files/-1/0_0.jpg", "a_files/1/-2_3.jpg", "a_files/1/2_3.4_5.jpg", "_files/1/2_3.jpg",
                           "a_files/x/0_0.jpg", "a_files/99999999999999999999/0_0.jpg"}) {
    EXPECT_EQ(shown(path), "none") << path;
  }
}

class DeepZoomTest : public ServiceTest {
 protected:
  DeepZoomTest() { dir.write("a.tif", "701x500 128"); }
};

TEST_F(DeepZoomTest, DescribesThePicture) {
  const std::string xml =
      R"(<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" TileSize="128" Overlap="0" Format="jpg"><Size Width="701" Height="500"/></Image>)";
  EXPECT_EQ(text("/dz/a.tif.dzi"), xml);
  EXPECT_EQ(text("/?DeepZoom=a.tif.dzi"), xml);
  EXPECT_EQ(get("/dz/a.tif.dzi").headers.get("Content-Type"), "application/xml");
  EXPECT_EQ(status("/dz/b.tif.dzi"), 404);
}

// As IIP: what cannot be shown is not there, whether it is described or drawn, and says why.
TEST_F(DeepZoomTest, HasNothingOfFilesThatCannotBeRead) {
  dir.write("broken.tif", "broken");
  dir.write("foreign.tif", "foreign");
  for (const char* path : {"/dz/%.dzi", "/dz/%.json", "/dz/%_files/0/0_0.jpg", "/zoomify/%/ImageProperties.xml",
                           "/zoomify/%/TileGroup0/0-0-0.jpg"}) {
    for (const auto& [name, why] : {std::pair("broken.tif", "this picture is broken\n"),
                                    std::pair("foreign.tif", "this kind of picture is not supported\n")}) {
      std::string target = path;
      target.replace(target.find('%'), 1, name);
      EXPECT_EQ(status(target), 404) << target;
      EXPECT_EQ(text(target), why) << target;
    }
  }
}

TEST_F(DeepZoomTest, DescribesItInJsonToo) {
  const std::string json =
      R"({"Image":{"xmlns":"http://schemas.microsoft.com/deepzoom/2008","Format":"jpg","Overlap":"0","TileSize":"128","Size":{"Width":"701","Height":"500"}}})";
  EXPECT_EQ(text("/dz/a.tif.js"), json);
  EXPECT_EQ(text("/dz/a.tif.json"), json);
  EXPECT_EQ(get("/dz/a.tif.json").headers.get("Content-Type"), "application/json");
}

TEST_F(DeepZoomTest, OverlapsByOnePixelWhenAskedTo) {
  EXPECT_NE(text("/dz/a.tif.dzi?overlap=1").find("Overlap=\"1\""), std::string::npos);
  EXPECT_EQ(size("/dz/a.tif_files/10/0_0.png?overlap=1"), "129x129");
  EXPECT_EQ(size("/dz/a.tif_files/10/1_1.png?overlap=1"), "130x130");
  EXPECT_EQ(size("/dz/a.tif_files/10/5_3.png?overlap=1"), "62x117");
  EXPECT_EQ(size("/dz/a.tif_files/0/0_0.png?overlap=1"), "1x1");
  // Column 1 of the overlapping tile is column 0 of the one without.
  const auto wide = picture("/dz/a.tif_files/10/1_1.png?overlap=1");
  const auto narrow = picture("/dz/a.tif_files/10/1_1.png");
  EXPECT_EQ(wide.row(1)[3], narrow.row(0)[0]);
  EXPECT_EQ(wide.row(1)[4], narrow.row(0)[1]);
}

TEST_F(DeepZoomTest, HasEveryTileOfEveryLevelInItsRightSize) {
  // 701x500: level 10 is the full size, level 0 one pixel; sizes are rounded up.
  std::int64_t width = 701;
  std::int64_t height = 500;
  for (int level = 10; level >= 0; --level) {
    const std::string base = "/dz/a.tif_files/" + std::to_string(level) + "/";
    const std::int64_t across = (width + 127) / 128;
    const std::int64_t down = (height + 127) / 128;
    for (std::int64_t y = 0; y < down; ++y) {
      for (std::int64_t x = 0; x < across; ++x) {
        const std::string want = std::to_string(std::min<std::int64_t>(128, width - x * 128)) + "x" +
                                 std::to_string(std::min<std::int64_t>(128, height - y * 128));
        EXPECT_EQ(size(base + std::to_string(x) + "_" + std::to_string(y) + ".png"), want)
            << level << " " << x << " " << y;
      }
    }
    EXPECT_EQ(status(base + std::to_string(across) + "_0.png"), 404) << level;
    EXPECT_EQ(status(base + "0_" + std::to_string(down) + ".png"), 404) << level;
    width = (width + 1) / 2;
    height = (height + 1) / 2;
  }
  EXPECT_EQ(width, 1);
  EXPECT_EQ(status("/dz/a.tif_files/11/0_0.png"), 404);
}

TEST_F(DeepZoomTest, ShowsThePixelsOfItsPlace) {
  const pixel::Image corner = picture("/dz/a.tif_files/10/5_3.png");  // x 640..700, y 384..499
  EXPECT_NEAR(corner.row(0)[0], 255.0 * 640.5 / 701, 1);
  EXPECT_NEAR(corner.row(corner.height - 1)[1], 255.0 * 499.5 / 500, 1);
  const pixel::Image one = picture("/dz/a.tif_files/0/0_0.png");
  EXPECT_NEAR(one.row(0)[0], 127, 3) << "the mean of the picture, nothing of what lies behind its edge";
  EXPECT_EQ(one.row(0)[2], 64);
  const pixel::Image small = picture("/dz/a.tif_files/6/0_0.png");  // 44x32
  EXPECT_EQ(small.width, 44);
  EXPECT_NEAR(small.row(31)[3 * 43], 252, 3);
  EXPECT_EQ(small.row(31)[3 * 43 + 2], 64);
}

TEST_F(DeepZoomTest, PassesStoredLevelsAndRendersTheOthers) {
  const GradientPicture picture(701, 500, 128, {});
  const auto stored = deepzoom_request(picture.info(), {8, 1, 0, codec::Format::jpeg});  // 176x125 is level 2
  ASSERT_TRUE(stored);
  EXPECT_EQ(std::get<engine::TileArea>(stored->area), (engine::TileArea{2, 1, 0}));
  const auto rendered = deepzoom_request(picture.info(), {6, 0, 0, codec::Format::jpeg});
  ASSERT_TRUE(rendered);
  EXPECT_EQ(std::get<engine::RegionArea>(rendered->area), (engine::RegionArea{0, 0, 701, 500, 44, 32}));
}

TEST_F(DeepZoomTest, TakesIdsWithPlainAndEncodedSlashes) {
  dir.write("eyes/left/s41.tif", "300x200 128");
  dir.write("eyes/left/s42.tif", "300x200 128");
  for (const char* id : {"eyes/left/41", "eyes%2Fleft%2F41", "eyes/left/s41", "eyes/left/s41.tif"}) {
    EXPECT_EQ(status(std::string("/dz/") + id + ".dzi"), 200) << id;
    EXPECT_EQ(size(std::string("/dz/") + id + "_files/9/2_1.jpg"), "44x72") << id;
  }
  EXPECT_EQ(status("/dz/eyes/left/43.dzi"), 404);
  EXPECT_EQ(status("/dz/eyes/left.dzi"), 404);
  EXPECT_EQ(status("/dz/%2e%2e%2fetc%2fpasswd.dzi"), 404);
  EXPECT_EQ(status("/dz/a%00.dzi"), 400);
}

}  // namespace
}  // namespace microtome::protocol
