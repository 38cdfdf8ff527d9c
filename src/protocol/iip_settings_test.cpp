// SPDX-License-Identifier: Apache-2.0
// What the variables of iipsrv change.
#include <gmock/gmock.h>

#include <algorithm>

#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

using testing::HasSubstr;

class SettingsTest : public ServiceTest {
 protected:
  SettingsTest() {
    dir.write("a.tif", "700x500 128");
    dir.write("below/b.tif", "700x500 128");
  }
};

TEST_F(SettingsTest, UpscalingCanBeForbidden) {
  options.upscaling = false;
  EXPECT_EQ(size("/?FIF=a.tif&WID=2000&CVT=jpeg"), "700x500");
  EXPECT_EQ(size("/?FIF=a.tif&RGN=0,0,0.5,0.5&CVT=jpeg"), "350x250");
  EXPECT_EQ(size("/?FIF=a.tif&RGN=0,0,0.5,0.5&WID=100&CVT=jpeg"), "100x71");
  EXPECT_EQ(status("/iiif/3/a.tif/full/^2000,/0/default.jpg"), 400);
  EXPECT_EQ(size("/iiif/3/a.tif/full/100,/0/default.jpg"), "100x71");
}

TEST_F(SettingsTest, UpscalingIsUsual) {
  EXPECT_EQ(size("/?FIF=a.tif&WID=2000&CVT=jpeg"), "2000x1429");
}

TEST_F(SettingsTest, InterpolationDecidesPixels) {
  const pixel::Image bilinear = picture("/?FIF=a.tif&WID=300&CVT=png");
  options.sampling = engine::Sampling::nearest;
  start();
  EXPECT_NE(picture("/?FIF=a.tif&WID=300&CVT=png").data, bilinear.data);
}

class MappedTest : public SettingsTest, public testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(MappedTest, PathsBelowThePrefixAreRequests) {
  options.uri_map = GetParam().first;
  EXPECT_EQ(size(GetParam().second), "128x128");
  EXPECT_EQ(status("/elsewhere/a.tif"), 404);
}

INSTANTIATE_TEST_SUITE_P(
    Service, MappedTest,
    testing::Values(std::pair("pictures=>IIIF", "/pictures/a.tif/0,0,128,128/128,/0/default.jpg"),
                    std::pair("/pictures=>iiif", "/pictures/below%2Fb.tif/0,0,128,128/128,/0/default.jpg"),
                    std::pair("p/q=>DeepZoom", "/p/q/below/b.tif_files/10/0_0.jpg"),
                    std::pair("zoom=>Zoomify", "/zoom/a.tif/TileGroup0/3-0-0.jpg"),
                    std::pair("old/=>IIP", "/old/FIF=a.tif&JTL=3,0")));

TEST_F(SettingsTest, IiifIsAsTheOperatorWants) {
  options.iiif.version = 2;
  options.iiif.delimiter = "__";
  options.iiif.extra_info = R"("service":{"@id":"x"})";
  options.copyright = "Somebody \"else\"";
  const std::string info = text("/iiif/a.tif/info.json");
  EXPECT_THAT(info, HasSubstr("http://iiif.io/api/image/2/context.json"));
  EXPECT_THAT(info, HasSubstr(R"("attribution":"Somebody \"else\"","service":[{"@context")"));
  EXPECT_THAT(info, HasSubstr(R"("physicalUnits":"mm"},{"@id":"x"}]})")) << "beside the size of a pixel";
  EXPECT_THAT(text("/iiif/3/a.tif/info.json"), testing::Not(HasSubstr("Somebody"))) << "rights are a URI in 3.0";
  EXPECT_EQ(size("/iiif/below__b.tif/0,0,128,128/128,/0/default.jpg"), "128x128");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=rights"), "Somebody \"else\"\r\n");
}

TEST_F(SettingsTest, RightsAreAUri) {
  options.copyright = "https://example.org/by";
  EXPECT_THAT(text("/iiif/3/a.tif/info.json"), HasSubstr(R"("rights":"https://example.org/by")"));
  EXPECT_THAT(text("/iiif/2/a.tif/info.json"), HasSubstr(R"("license":"https://example.org/by")"));
}

TEST_F(SettingsTest, ExtendedQualitiesAreProcessing) {
  EXPECT_EQ(status("/iiif/3/a.tif/full/100,/0/negative.jpg"), 400);
  options.iiif.extensions = true;
  start();
  EXPECT_EQ(picture("/iiif/3/a.tif/full/100,/0/negative.png").data,
            picture("/?INV&IIIF=a.tif/full/100,/0/default.png").data);
  for (const char* quality : {"stretch", "equalization", "log"}) {
    EXPECT_EQ(size(std::string("/iiif/3/a.tif/full/100,/0/") + quality + ".jpg"), "100x71") << quality;
  }
  EXPECT_EQ(status("/iiif/3/a.tif/full/100,/0/other.jpg"), 400);
}

TEST_F(SettingsTest, AWatermarkIsOnEverything) {
  auto mark = std::make_shared<engine::Watermark>();
  mark->image = pixel::Image::make(700, 500, 4, pixel::Colour::rgba);
  std::ranges::fill(mark->image.data, 255);
  mark->id = 1;
  engine_options.watermark = mark;
  options.watermark = mark;
  for (const char* target : {"/?FIF=a.tif&PTL=3,1", "/?FIF=a.tif&INV&PTL=3,1", "/?FIF=a.tif&WID=100&CVT=png",
                             "/?FIF=a.tif&GAM=2&WID=100&CVT=png", "/iiif/3/a.tif/full/100,/0/default.png"}) {
    const pixel::Image shown = picture(target);
    EXPECT_TRUE(std::ranges::all_of(shown.data, [](int value) { return value == 255; })) << target;
  }
}

}  // namespace
}  // namespace microtome::protocol
