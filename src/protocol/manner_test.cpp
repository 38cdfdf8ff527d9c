// SPDX-License-Identifier: Apache-2.0
// Commands before DeepZoom=, Zoomify= and IIIF=, and the qualities of what is made.
#include <gmock/gmock.h>

#include "codec/webp.hpp"
#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

class MannerTest : public ServiceTest {
 protected:
  MannerTest() { dir.write("a.tif", "700x500 128"); }
};

TEST_F(MannerTest, ProcessesTilesOfOtherProtocols) {
  const pixel::Image tile = picture("/?FIF=a.tif&INV&PTL=3,1");
  for (const char* query :
       {"/?INV&IIIF=a.tif/128,0,128,128/128,/0/default.png", "/?INV=1&iiif=a.tif/128,0,128,128/max/0/color.png"}) {
    EXPECT_EQ(picture(query).data, tile.data) << query;
  }
  const std::string jpeg = text("/?FIF=a.tif&INV&JTL=3,1");
  EXPECT_EQ(text("/?INV&DeepZoom=a.tif_files/10/1_0.jpg"), jpeg);
  EXPECT_EQ(text("/?INV&DeepZoom=a.tif_files/10/1_0.png"), jpeg);
  EXPECT_EQ(text("/?INV&Zoomify=a.tif/TileGroup0/3-1-0.jpg"), jpeg);
  EXPECT_NE(text("/?DeepZoom=a.tif_files/10/1_0.jpg"), jpeg);
  EXPECT_EQ(text("/?QLT=20&DeepZoom=a.tif_files/10/1_0.jpg"), text("/?FIF=a.tif&QLT=20&JTL=3,1"));
  EXPECT_EQ(get("/?INV&DeepZoom=a.tif.dzi").headers.get("Content-Type"), "application/xml");
  EXPECT_EQ(status("/?INV&DeepZoom=a.tif_files/10/99_0.jpg"), 404);
  EXPECT_EQ(status("/?INV&DeepZoom=b.tif_files/10/0_0.jpg"), 404);
}

TEST_F(MannerTest, TurnsWhatIiifTurns) {
  EXPECT_EQ(size("/?INV&IIIF=a.tif/full/70,/90/default.jpg"), "50x70");
  const pixel::Image one = picture("/?ROT=90&IIIF=a.tif/full/70,/!0/default.png");
  const pixel::Image other = picture("/?IIIF=a.tif/full/70,/!270/default.png");
  EXPECT_EQ(one.data, other.data) << "a mirror after a quarter is a mirror before the opposite quarter";
  EXPECT_EQ(picture("/?INV&IIIF=a.tif/full/70,/0/gray.png").channels, 1);
  EXPECT_EQ(status("/?INV&IIIF=a.tif/full/70,/45/default.png"), 501);
}

TEST_F(MannerTest, TakesWhatIipsrvTookOfIiif) {
  const std::string whole = text("/?IIIF=a.tif/full/max/0/default.jpg");
  for (const char* query :
       {"/?IIIF=a.tif/full/full/0/native.jpg", "/?IIIF=a.tif/full/max/0/default", "/?IIIF=a.tif/full/max/0/native"}) {
    EXPECT_EQ(text(query), whole) << query;
  }
  EXPECT_EQ(text("/?IIIF=a.tif/full/70,/0/grey.png"), text("/?IIIF=a.tif/full/70,/0/gray.png"));
  EXPECT_EQ(status("/iiif/3/a.tif/full/max/0/native.jpg"), 400) << "addresses of the standard stay strict";
  EXPECT_EQ(status("/?IIIF=a.tif/full/max/0/wrong"), 400);
}

TEST_F(MannerTest, PngLevelDecidesSizeOfTilesExportsAndProcessed) {
  for (const char* query : {"PTL=1,0", "WID=300&CVT=png", "INV&PTL=1,0", "INV&WID=300&CVT=png"}) {
    const std::string target = std::string("/?FIF=a.tif&");
    const std::string fast = text(target + "QLT=1&" + query);
    const std::string small = text(target + "QLT=9&" + query);
    EXPECT_LT(small.size(), fast.size()) << query;
    EXPECT_GT(text(target + "QLT=0&" + query).size(), 2 * fast.size()) << query;
    EXPECT_EQ(text(target + query), fast) << "the default is 1";
  }
}

TEST_F(MannerTest, SettingsDecideQualities) {
  engine_options.png_level = 9;
  engine_options.webp_quality = -1;
  engine_options.jpeg_quality = 20;
  EXPECT_EQ(text("/?FIF=a.tif&PTL=1,0"), text("/?FIF=a.tif&QLT=9&PTL=1,0"));
  EXPECT_EQ(text("/?FIF=a.tif&INV&PTL=1,0"), text("/?FIF=a.tif&INV&QLT=9&PTL=1,0"));
  for (const char* query : {"WTL=1,0", "INV&WTL=1,0", "WID=100&CVT=webp", "INV&WID=100&CVT=webp"}) {
    const auto info = codec::inspect_webp(as_bytes(text(std::string("/?FIF=a.tif&") + query)));
    EXPECT_TRUE(info && info->lossless) << query;
  }
  EXPECT_EQ(text("/?FIF=a.tif&INV&JTL=1,0"), text("/?FIF=a.tif&INV&QLT=20&JTL=1,0"));
}

TEST_F(MannerTest, WebpQualityAppliesToProcessedPictures) {
  engine_options.webp_quality = 10;
  EXPECT_EQ(text("/?FIF=a.tif&INV&WTL=1,0"), text("/?FIF=a.tif&INV&QLT=10&WTL=1,0"));
  EXPECT_NE(text("/?FIF=a.tif&INV&WTL=1,0"), text("/?FIF=a.tif&INV&QLT=90&WTL=1,0"));
}

}  // namespace
}  // namespace microtome::protocol
