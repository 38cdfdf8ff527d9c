// SPDX-License-Identifier: Apache-2.0
// Sections of Woolz objects as ordinary pictures.
#include "protocol/woolz_section.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>

#include "protocol/testing.hpp"
#include "protocol/woolz_fixture.hpp"

namespace microtome::protocol {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

TEST(SectionPath, Views) {
  const auto view =
      parse_section_view("yaw=20,pitch=45.5,roll=-3,distance=1e1,fixed=57:32:36,up=0:0:-1,scale=2,mode=up_is_up");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->yaw, 20);
  EXPECT_EQ(view->pitch, 45.5);
  EXPECT_EQ(view->roll, -3);
  EXPECT_EQ(view->distance, 10);
  EXPECT_EQ(view->fixed, (woolz::Vec3{57, 32, 36}));
  EXPECT_EQ(view->scale, 2);
  EXPECT_EQ(view->mode, woolz::Mode::up_is_up);
  EXPECT_EQ(parse_section_view("")->mode, woolz::Mode::zeta);
  for (const char* bad : {"yaw", "yaw=", "yaw=nan", "tilt=3", "fixed=1:2", "fixed=1:2:3:4", "mode=sideways", "=3",
                          "yaw=1,,pitch=2", "yaw=1,yaw=1"}) {
    EXPECT_FALSE(parse_section_view(bad)) << bad;
  }
}

TEST(SectionPath, Paths) {
  const auto tile = parse_section("a%20b/c.wlz/section/yaw=1.5,distance=4_files/9/3_2.png");
  ASSERT_TRUE(tile && *tile);
  EXPECT_EQ((*tile)->object, "a b/c.wlz");
  EXPECT_EQ((*tile)->answer, SectionAnswer::tile);
  EXPECT_EQ((*tile)->tile.level, 9);
  EXPECT_EQ((*tile)->tile.format, codec::Format::png);
  EXPECT_EQ((*tile)->view.yaw, 1.5);
  EXPECT_EQ((*parse_section("c.wlz.gz/section/yaw=1.5.dzi"))->answer, SectionAnswer::deepzoom);
  EXPECT_EQ((*parse_section("c.wlz/section/yaw=1.5.json"))->view.yaw, 1.5);
  EXPECT_EQ((*parse_section("c.wlz/section/yaw=1.5.webp"))->tile.format, codec::Format::webp);
  EXPECT_FALSE(parse_section("brain/section/yaw=1.dzi"));
  EXPECT_FALSE(parse_section("c.wlz/yaw=1.dzi"));
  EXPECT_FALSE(*parse_section("c.wlz/section/yaw=x.dzi"));
  EXPECT_FALSE(*parse_section("c.wlz/section/yaw=1.bmp"));
}

class Section : public WoolzTest {
 protected:
  pixel::Image png_of(const std::string& target) { return picture(target); }
};

constexpr const char* kView = "yaw=20,pitch=45,mode=up_is_up,fixed=57:32:36,distance=4,scale=8";

TEST_F(Section, DeepZoomTilesMakeUpThePicture) {
  const std::string base = std::string("/sets/g3_ubyte.wlz/section/") + kView;
  const std::string about = text(base + ".dzi");
  EXPECT_NE(about.find("Width=\"813\""), std::string::npos) << about;
  EXPECT_NE(about.find("TileSize=\"256\" Overlap=\"0\""), std::string::npos);
  const pixel::Image whole = png_of(base + ".png?filter=nearest");
  EXPECT_EQ(png_of("/iip?WLZ=g3_ubyte.wlz&YAW=20&PIT=45&FXP=57,32,36&DST=4&SCL=8&CVT=png").data, whole.data);
  for (int y = 0; y * 256 < whole.height; ++y) {
    for (int x = 0; x * 256 < whole.width; ++x) {
      const pixel::Image tile =
          png_of(base + "_files/10/" + std::to_string(x) + "_" + std::to_string(y) + ".png?filter=nearest");
      ASSERT_EQ(tile.width, std::min(256, whole.width - x * 256));
      ASSERT_EQ(tile.height, std::min(256, whole.height - y * 256));
      for (int row = 0; row < tile.height; ++row) {
        ASSERT_TRUE(std::equal(tile.row(row), tile.row(row) + tile.stride,
                               whole.row(y * 256 + row) + static_cast<std::ptrdiff_t>(x) * 256 * whole.channels));
      }
    }
  }
  EXPECT_EQ(size(base + "_files/9/0_0.jpg"), "256x256");
  EXPECT_EQ(size(base + "_files/7/0_0.jpg"), "102x121");
  EXPECT_EQ(size(base + "_files/0/0_0.jpg"), "1x1");
  for (const char* tile : {"_files/11/0_0.jpg", "_files/10/4_0.jpg", "_files/10/0_0.bmp"}) {
    EXPECT_EQ(status(base + tile), 404) << tile;
  }
}

TEST_F(Section, PicturesFitTheBox) {
  const std::string base = std::string("/sets/g3_ubyte.wlz/section/") + kView;
  EXPECT_EQ(size(base + ".jpg?W=200&H=1000"), "200x236");
  EXPECT_EQ(size(base + ".png?H=97"), "81x97");
  EXPECT_EQ(size(base + ".webp?W=10").substr(0, 4), "200 ");
  EXPECT_EQ(size(base + ".jpg?W=9000"), "813x963");
  EXPECT_EQ(status(base + ".jpg?W=0"), 400);
  EXPECT_EQ(status("/sets/g3_ubyte.wlz/section/scale=1000.jpg"), 413);
  EXPECT_EQ(status("/sets/none.wlz/section/yaw=1.jpg"), 404);
  EXPECT_EQ(status("/sets/dom2.wlz/section/yaw=1.jpg"), 404);
  EXPECT_EQ(status("/sets/g3_ubyte.wlz/section/yaw=x.jpg"), 400);
}

TEST_F(Section, MiddleIsThatOfTheBox) {
  const std::string where = text("/sets/g3_ubyte.wlz/section/fixed=57.5:32.5:36.5,pitch=40.json");
  EXPECT_EQ(text("/sets/g3_ubyte.wlz/section/pitch=40,fixed=middle.json"), where);
  EXPECT_EQ(body_of(get("/sets/g3_ubyte.wlz/section/pitch=40,fixed=middle.jpg")),
            body_of(get("/sets/g3_ubyte.wlz/section/pitch=40,fixed=57.5:32.5:36.5.jpg")));
  EXPECT_EQ(status("/sets/g3_ubyte.wlz/section/fixed2=middle.jpg"), 400);
  EXPECT_NE(text("/sets").find(R"({"name":"g3_ubyte.wlz"},{"name":"g3_ubyte.wlz.gz"})"), std::string::npos);
}

TEST_F(Section, IsAPictureOfIiif) {
  const std::string id = "/iiif/3/g3_ubyte.wlz%2Fsection%2Fyaw=20,pitch=45,fixed=57:32:36,scale=8";
  const std::string info = text(id + "/info.json");
  const std::string plain = "/sets/g3_ubyte.wlz/section/yaw=20,pitch=45,fixed=57:32:36,scale=8";
  const std::string size_text = size(plain + ".jpg");
  const std::string width = size_text.substr(0, size_text.find('x'));
  EXPECT_NE(info.find("\"width\":" + width), std::string::npos) << info;
  EXPECT_NE(info.find("%2Fsection%2F"), std::string::npos) << info;
  EXPECT_EQ(png_of(id + "/full/max/0/default.png").data, png_of(plain + ".png").data);
  const pixel::Image whole = png_of(plain + ".png");
  const pixel::Image part = png_of(id + "/100,50,300,200/max/0/default.png");
  ASSERT_EQ(std::make_pair(part.width, part.height), std::make_pair(300, 200));
  for (int y = 0; y < part.height; ++y) {
    ASSERT_TRUE(std::equal(part.row(y), part.row(y) + part.stride,
                           whole.row(y + 50) + static_cast<std::ptrdiff_t>(100) * whole.channels));
  }
  const pixel::Image turned = png_of(id + "/100,50,300,200/max/90/default.png");
  ASSERT_EQ(std::make_pair(turned.width, turned.height), std::make_pair(200, 300));
  EXPECT_EQ(size(id + "/full/200,/0/default.jpg").substr(0, 4), "200x");
  EXPECT_EQ(size(id + "/full/100,40/0/gray.webp").substr(0, 4), "200 ");
  EXPECT_EQ(status("/iiif/2/g3_ubyte.wlz%2Fsection%2Fyaw=20/full/full/0/default.jpg"), 200);
  EXPECT_EQ(status("/iiif/3/g3_ubyte.wlz%2Fsection%2Fyaw=20"), 303);
  EXPECT_EQ(status("/iiif/3/g3_ubyte.wlz%2Fsection%2Fyaw=x/info.json"), 400);
  EXPECT_EQ(status("/iiif/3/none.wlz%2Fsection%2Fyaw=2/info.json"), 404);
  EXPECT_EQ(status(id + "/9000,0,10,10/max/0/default.jpg"), 400);
}

// What the info.json of a section announces, as that of any picture.
TEST_F(Section, NamesItsCanonicalUriAndItsProfile) {
  const std::string id = "/g3_ubyte.wlz%2Fsection%2Fyaw=20,scale=8";
  const auto link = [&](const std::string& rest) { return std::string(get("/iiif" + rest).headers.get("Link")); };
  const std::string part = "/100,50,300,200/max/0.0/color.jpg";
  EXPECT_THAT(link("/3" + id + part), EndsWith(id + "/100,50,300,200/max/0/default.jpg>;rel=\"canonical\", "
                                                    "<http://iiif.io/api/image/3/level2.json>;rel=\"profile\""));
  EXPECT_THAT(link("/2" + id + part), EndsWith(id + "/100,50,300,200/full/0/default.jpg>;rel=\"canonical\", "
                                                    "<http://iiif.io/api/image/2/level2.json>;rel=\"profile\""));
  EXPECT_THAT(link("/2" + id + part), StartsWith("<http"));
  EXPECT_EQ(link("/1" + id + "/full/100,/0/native.jpg"),
            "<http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level2>;rel=\"profile\"");
  EXPECT_EQ(get("/iiif/1" + id + "/full/100,/0/native").headers.get("Vary"), "Accept");
}

TEST_F(Section, SelectionsAndValues) {
  const std::string base = "/sets/comp_grey.wlz/section/mode=up_is_up,distance=30.png?filter=nearest";
  EXPECT_EQ(png_of(base + "&select=0;1,255,0,0,100").data,
            png_of("/iip?WLZ=comp_grey.wlz&DST=30&SEL=0&SEL=1,255,0,0,100&CVT=png").data);
  EXPECT_EQ(png_of(base + "&values=LINEAR,0,255,255,0").data,
            png_of("/iip?WLZ=comp_grey.wlz&DST=30&MAP=LINEAR,0,255,255,0&CVT=png").data);
  EXPECT_EQ(status(base + "&select=union("), 400);
  EXPECT_EQ(status(base + "&values=no"), 400);
}

TEST_F(Section, SaysWhatAViewAndAnObjectAre) {
  const std::string about = text("/sets/g3_ubyte.wlz/section/mode=zeta,distance=30.json");
  EXPECT_EQ(about, R"({"width":92,"height":76,"tile":256,"levels":8,"left":12,"top":-5,"roll":0,"distance":[7,66],)"
                   R"("corner":[12,-5,30],"across":[1,0,0],"down":[0,1,0]})");
  const std::string plain = text("/sets/comp_grey.wlz/object.json");
  EXPECT_NE(
      plain.find(R"("compound":1,"base":0,"components":[{"index":0,"name":"","colour":"","box":[12,-5,7,103,70,66])"),
      std::string::npos)
      << plain;
  (void)dir.write("comp_grey.wlz.json",
                  R"({"components": [{"index": 2, "name": "heart", "colour": "#ff0000"}, {"index": 99}, 3]})");
  const std::string labelled = text("/sets/comp_grey.wlz/object.json");
  EXPECT_NE(labelled.find(R"({"index":2,"name":"heart","colour":"#ff0000")"), std::string::npos) << labelled;
}

// What makes no sense is said, never replaced by something else.
TEST_F(Section, ValuesThatMeanNothingAreErrors) {
  const std::string base = "/sets/comp_grey.wlz/section/distance=30";
  for (const char* query : {"filter=foo",
                            "filter=",
                            "filter=Linear",
                            "filter=area,",
                            "W=0",
                            "W=-1",
                            "W=1.5",
                            "W=x",
                            "W=",
                            "H=65537",
                            "H=1e3",
                            "q=0",
                            "q=101",
                            "q=best",
                            "select=(",
                            "select=0;",
                            "select=0;;1",
                            "select=;0",
                            "select=union(",
                            "select=1,2,3",
                            "select=foo(1)",
                            "values=",
                            "values=LINEAR",
                            "values=LINEAR,0,9,0,256",
                            "values=FOO,0,9,0,9"}) {
    const http::Response response = get(base + ".png?" + query);
    // An empty item at the end of a list is none.
    EXPECT_EQ(response.status, std::string_view(query) == "select=0;" ? 200 : 400) << query;
    EXPECT_EQ(response.status == 200, response.headers.get("Content-Type") == "image/png") << query;
    EXPECT_LT(response.status == 200 ? 0U : body_of(response).size(), 80U) << query;
  }
  std::string many = "0";
  for (int i = 0; i < 1024; ++i) {
    many += ";0";
  }
  EXPECT_EQ(status(base + ".png?select=" + many), 400);
  EXPECT_EQ(text(base + ".png?filter=foo"), "filter is nearest, linear or area\n");
  for (const char* view :
       {"yaw=x", "yaw=1e300", "pitch=nan", "distance=inf", "scale=0", "scale=-1", "scale=1e300", "mode=ZETA",
        "mode=", "fixed=1:2", "fixed=1:2:x", "fixed=center", "up=0:0", "fixed2=", "turn=3", "yaw=1,yaw=1", ","}) {
    for (const char* ending : {".json", ".dzi", ".png", "_files/0/0_0.jpg"}) {
      EXPECT_EQ(status("/sets/g3_ubyte.wlz/section/" + std::string(view) + ending), 400) << view << ending;
    }
  }
  for (const char* ending : {".bmp", "", ".PNG2", "_files/99/0_0.jpg", "_files/0/1_0.jpg", "_files/0/0_1.png"}) {
    EXPECT_EQ(status("/sets/g3_ubyte.wlz/section/yaw=1" + std::string(ending)), 404) << ending;
  }
}

// RGN cuts the whole section, in single precision, 8 pixels wide at least and within it.
TEST_F(Section, PartsAreCutOutOfTheWhole) {
  const std::string view = "/iip?WLZ=g3_ubyte.wlz&MOD=zeta&YAW=20&PIT=45&FXP=57,32,36&DST=4&SCL=1.5";
  const pixel::Image whole = png_of(view + "&CVT=png");
  using Region = std::array<float, 4>;
  for (const Region& r : {Region{0.25F, 0.5F, 0.5F, 0.25F}, Region{0.1F, 0.2F, 0.001F, 0}, Region{0.9F, 0.9F, 1, 1},
                          Region{1, 1, 1, 1}, Region{0, 0, 1, 1}, Region{0.333F, 0.777F, 0.4F, 0.1F}}) {
    std::ostringstream asked;
    asked << view << "&RGN=" << r[0] << "," << r[1] << "," << r[2] << "," << r[3] << "&CVT=png";
    const pixel::Image part = png_of(asked.str());
    const auto pixels = [](int size, float share) { return static_cast<int>(static_cast<float>(size) * share); };
    const int x = std::min(pixels(whole.width, r[0]), whole.width - 1);
    const int y = std::min(pixels(whole.height, r[1]), whole.height - 1);
    ASSERT_EQ(part.width, std::min(std::max(pixels(whole.width, r[2]), 8), whole.width - x)) << asked.str();
    ASSERT_EQ(part.height, std::min(std::max(pixels(whole.height, r[3]), 8), whole.height - y)) << asked.str();
    for (int row = 0; row < part.height; ++row) {
      ASSERT_TRUE(std::equal(part.row(row), part.row(row) + part.width * 2, whole.row(y + row) + x * 2))
          << asked.str();
    }
  }
}

}  // namespace
}  // namespace microtome::protocol
