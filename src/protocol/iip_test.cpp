// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "codec/avif.hpp"
#include "codec/webp.hpp"
#include "protocol/iip_export.hpp"
#include "protocol/iip_query.hpp"
#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(IipQuery, IsKnownByItsFirstCommand) {
  for (const char* query :
       {"FIF=a.tif", "fif=a", "&obj=IIP,1.0", "INV&FIF=a", "DeepZoom=a.dzi", "wlz=a.wlz", "JTL"}) {
    EXPECT_TRUE(is_iip_query(query)) << query;
  }
  for (const char* query : {"", "&", "=", "slice=4", "FIFI=a", "x=1&FIF=a", "W=1", "=FIF"}) {
    EXPECT_FALSE(is_iip_query(query)) << query;
  }
}

TEST(IipQuery, CutsAndDecodes) {
  const auto commands = parse_iip("fif=a%20b+c.tif&&WID=&=3&INV&CTW=[1%2C0]&SEL=1%2B2&MAP=a+b%,c&x=1=2");
  ASSERT_TRUE(commands);
  std::string shown;
  for (const IipCommand& command : *commands) {
    shown += command.name + ":" + command.argument + " ";
  }
  EXPECT_EQ(shown, "FIF:a b c.tif INV:INV CTW:[1,0] SEL:1+2 MAP:a+b%,c X:1=2 ");
  std::string many;
  for (int i = 0; i < 1001; ++i) {
    many += "a=b&";
  }
  EXPECT_EQ(parse_iip(many).error().code, Code::bad_request);
}

std::string export_of(IipView view, int most = 5000) {
  const auto area = export_area(view, 700, 500, most);
  if (!area) {
    return area.error().message;
  }
  char text[200];
  std::snprintf(text, sizeof text, "%g,%g %gx%g -> %dx%d", area->x, area->y, area->width, area->height,
                area->out_width, area->out_height);
  return text;
}

TEST(IipExport, FollowsTheOldGeometry) {
  EXPECT_EQ(export_of({}), "0,0 700x500 -> 700x500");
  EXPECT_EQ(export_of({.width = 120}), "0,0 700x500 -> 120x86");
  EXPECT_EQ(export_of({.height = 100}), "0,0 700x500 -> 140x100");
  EXPECT_EQ(export_of({.width = 100, .height = 100}), "0,0 700x500 -> 100x71");
  EXPECT_EQ(export_of({.width = 200, .left = 0.25, .top = 0.25, .right = 0.75, .bottom = 0.75}),
            "175,125 350x250 -> 200x143");
  EXPECT_EQ(export_of({.left = 0.1, .top = 0.1, .right = 0.2, .bottom = 0.2}), "70,50 70x50 -> 700x500")
      << "a region without a size fills the picture's size";
  EXPECT_EQ(export_of({.right = 0.5}), "0,0 350x500 -> 350x500") << "and keeps its aspect";
}

TEST(IipExport, StaysWithinItsLimits) {
  EXPECT_EQ(export_of({.width = 1400}, 1000), "0,0 700x500 -> 1000x714");
  EXPECT_EQ(export_of({.width = 1400}, -1), "0,0 700x500 -> 1400x1000");
  EXPECT_EQ(export_of({.width = 1}), "0,0 700x500 -> 1x1");
  EXPECT_EQ(export_of({.left = 1, .right = 1}), "the region lies outside the picture");
  EXPECT_EQ(export_of({.width = 10, .left = 0.9999, .top = 0.9999}), "699,499 1x1 -> 10x10") << "at least one pixel";
}

class IipTest : public ServiceTest {
 protected:
  IipTest() { dir.write("a.tif", "700x500 128"); }
};

TEST_F(IipTest, ShakesHandsWithViewers) {
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=IIP,1.0&OBJ=Max-size&OBJ=Tile-size&OBJ=Resolution-number"),
            "IIP:1.0\r\nMax-size:700 500\r\nTile-size:128 128\r\nResolution-number:4\r\n");
  EXPECT_EQ(text("/any/path?fif=a.tif&obj=resolutions"), "Resolutions:88 63,175 125,350 250,700 500\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=Colorspace,*,*"), "Colorspace,0-3,0:0 0 3 3 0 1 2\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=basic-info"),
            "IIP-server:3.65\r\nMax-size:700 500\r\nResolution-number:4\r\nColorspace,0-3,0:0 0 3 3 0 1 2\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=Bits-per-channel"), "Bits-per-channel:8\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=Horizontal-views&OBJ=Vertical-views"),
            "Horizontal-views:0\r\nVertical-views:90\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=Min-Max-sample-values"), "Min-Max-sample-values: 0  255  0  255  0  255\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=DPI"), "DPI:50800.000000 50800.000000\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=description"), "a \"gradient\"\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=metadata"), "{\"description\":\"a \\\"gradient\\\"\"}\r\n");
}

TEST_F(IipTest, SendsMetadataWithValidators) {
  const http::Response first = get("/?FIF=a.tif&OBJ=Max-size");
  EXPECT_EQ(first.headers.get("Content-Type"), "application/vnd.netfpx");
  EXPECT_EQ(first.headers.get("Cache-Control"), "max-age=86400");
  EXPECT_EQ(first.headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_NE(first.headers.get("Last-Modified"), "");
  const http::Response second =
      get("/?FIF=a.tif&OBJ=Max-size", "If-None-Match", std::string(first.headers.get("ETag")));
  EXPECT_EQ(second.status, 304);
  EXPECT_EQ(second.headers.get("Access-Control-Allow-Origin"), "*");
}

TEST_F(IipTest, SendsTiles) {
  EXPECT_EQ(size("/?FIF=a.tif&JTL=3,0"), "128x128");
  EXPECT_EQ(size("/?FIF=a.tif&JTL=3,5"), "60x128") << "cropped at the edge";
  EXPECT_EQ(size("/?FIF=a.tif&JTL=3,23"), "60x116");
  EXPECT_EQ(size("/?FIF=a.tif&JTL=0,0"), "88x63");
  EXPECT_EQ(size("/?FIF=a.tif&PTL=0,0"), "88x63");
  EXPECT_EQ(get("/?FIF=a.tif&WTL=0,0").headers.get("Content-Type"), "image/webp");
  EXPECT_EQ(size("/?FIF=a.tif&QLT=30&JTL=1,0"), "128x125");
  EXPECT_EQ(size("/?FIF=a.tif&JTL=3%2C0"), "128x128");
}

TEST_F(IipTest, RefusesTilesThatAreNotThere) {
  EXPECT_EQ(size("/?FIF=a.tif&JTL=3,24"), "404 no such tile\n");
  EXPECT_EQ(size("/?FIF=a.tif&JTL=4,0"), "404 no such resolution\n");
  EXPECT_EQ(status("/?FIF=a.tif&JTL=9223372036854775807,0"), 404);
  EXPECT_EQ(status("/?FIF=a.tif&JTL=3,9223372036854775807"), 404);
  for (const char* argument : {"-1,0", "0,-1", "0", "a,b", "0,", "nan,0", "0,1e3", "99999999999999999999,0"}) {
    EXPECT_EQ(status(std::string("/?FIF=a.tif&JTL=") + argument), 400) << argument;
  }
}

TEST_F(IipTest, ExportsViews) {
  EXPECT_EQ(size("/?FIF=a.tif&WID=120&CVT=jpeg"), "120x86");
  EXPECT_EQ(size("/?FIF=a.tif&WID=120&CVT=png"), "120x86");
  EXPECT_EQ(size("/?FIF=a.tif&WID=120&CVT=nonsense"), "120x86");
  EXPECT_EQ(size("/?FIF=a.tif&CVT=jpeg&WID=100"), "700x500") << "what comes after the output is not looked at";
  EXPECT_EQ(size("/?FIF=a.tif&WID=0&CVT=jpeg"), "700x500");
  const http::Response response = get("/?FIF=a.tif&WID=120&CVT=jpeg");
  EXPECT_EQ(response.headers.get("Content-Disposition"), "inline; filename=\"a_120x86.jpg\"");
  const pixel::Image region = picture("/?FIF=a.tif&RGN=0.5,0,0.5,0.5&WID=100&CVT=png");
  ASSERT_EQ(region.width, 100);
  EXPECT_NEAR(region.row(0)[0], 128, 2) << "left edge: the middle of the gradient";
  EXPECT_NEAR(region.row(region.height - 1)[1], 126, 2);
}

TEST_F(IipTest, RefusesSizesThatAreNone) {
  for (const char* query : {"WID=-5", "WID=nan", "WID=inf", "WID=1e300", "HEI=abc", "RGN=nan,0,1,1", "RGN=0,0,inf,1",
                            "RGN=2,2,0.5,0.5", "QLT=x"}) {
    EXPECT_EQ(status(std::string("/?FIF=a.tif&") + query + "&CVT=jpeg"), 400) << query;
  }
  EXPECT_EQ(size("/?FIF=a.tif&RGN=0,0,1&WID=70&CVT=jpeg"), "70x50") << "three numbers are no region";
}

TEST_F(IipTest, AnswersFaultsInItsOwnWords) {
  EXPECT_EQ(text("/?JTL=0,0"), "Error/4:1 3 \r\n");
  EXPECT_EQ(text("/?CVT=jpeg"), "Error/4:1 3 \r\n");
  EXPECT_EQ(text("/?OBJ=Max-size"), "Error/12:1 3 max-size\r\n");
  EXPECT_EQ(text("/?OBJ=Wlz-Volume"), "Error/14:1 3 wlz-volume\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=unknown-thing"), "Error/17:3 2 unknown-thing\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&FOO=1"), "Error/7:2 2 FOO\r\n");
  EXPECT_EQ(text("/?FIF=a.tif"), "Error/13:2 1 FIF=a.tif\r\n");
  EXPECT_EQ(size("/?FIF=a.tif&FOO=1&JTL=0,0"), "88x63") << "the other commands still run";
  const http::Response response = get("/?JTL=0,0");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/vnd.netfpx");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-cache");
}

TEST_F(IipTest, SendsOldTileOfAView) {
  EXPECT_EQ(size("/?FIF=a.tif&JTLS=0,3,5,90"), "60x128");
  EXPECT_EQ(status("/?FIF=a.tif&JTLS=0,3,5"), 400);
  EXPECT_EQ(status("/?FIF=a.tif&JTLS=0,3,24,90"), 404);
  dir.write("s/seq_pyr_000_045.tif", "400x300 128");
  dir.write("s/seq_pyr_010_045.tif", "300x200 128");
  EXPECT_EQ(size("/?FIF=s/seq&JTLS=10,0,0,45"), "75x50") << "no 000_090 file is needed";
}

// Tiles of a TIL answer: "1,0:88x63 ".
std::string tiles_of(const std::string& body) {
  std::string shown;
  for (std::size_t at = 0; at < body.size();) {
    int resolution = 0;
    int index = 0;
    std::size_t length = 0;
    int used = 0;
    if (std::sscanf(body.c_str() + at, "Tile,%d,%d,0/%zu:%n", &resolution, &index, &length, &used) != 3) {
      return shown + "broken";
    }
    at += static_cast<std::size_t>(used);
    const std::string data = body.substr(at, length);
    if (data.substr(0, 8) != std::string("\2\0\0\0\0\x11\0\0", 8) || body.substr(at + length, 2) != "\r\n") {
      return shown + "broken";
    }
    const auto info = codec::inspect_jpeg(as_bytes(data).subspan(8));
    shown += std::to_string(resolution) + "," + std::to_string(index) + ":" +
             (info ? std::to_string(info->width) + "x" + std::to_string(info->height) : "broken") + " ";
    at += length + 2;
  }
  return shown;
}

TEST_F(IipTest, StreamsTilesColumnByColumn) {
  const http::Response response = get("/?FIF=a.tif&TIL=2,0-4");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/vnd.netfpx");
  EXPECT_EQ(tiles_of(body_of(response)), "2,0:128x128 2,3:128x122 2,1:128x128 2,4:128x122 ");
  EXPECT_EQ(tiles_of(text("/?FIF=a.tif&TIL=0,0")), "0,0:88x63 ");
  EXPECT_EQ(tiles_of(text("/?FIF=a.tif&TIL=2,4-0")), tiles_of(text("/?FIF=a.tif&TIL=2,0-4")));
  EXPECT_EQ(status("/?FIF=a.tif&TIL=2,0-99"), 404);
  EXPECT_EQ(status("/?FIF=a.tif&TIL=9,0"), 404);
  dir.write("big.tif", "100000x100000 128");
  EXPECT_EQ(status("/?FIF=big.tif&TIL=10,0-600000"), 413);
  for (const char* argument : {"2", "2,", "2,0-", "a,0", "2,0-1-2", "2,-1", "2,0,1,2"}) {
    EXPECT_EQ(status(std::string("/?FIF=a.tif&TIL=") + argument), 400) << argument;
  }
}

TEST_F(IipTest, TakesQualitiesInAllForms) {
  for (const char* quality :
       {"80", "jpeg:80", "JPEG:80", "-1", "webp:-1", "webp:30", "lzw", "deflate:1", "0", "200"}) {
    EXPECT_EQ(size(std::string("/?FIF=a.tif&JTL=0,0&QLT=") + quality), "88x63");
    EXPECT_EQ(size(std::string("/?FIF=a.tif&QLT=") + quality + "&JTL=0,0"), "88x63") << quality;
  }
  for (const char* quality : {"x", "foo:3", "jpeg:", ":3", "nan", "jpeg:inf"}) {
    EXPECT_EQ(status(std::string("/?FIF=a.tif&QLT=") + quality + "&JTL=0,0"), 400) << quality;
  }
  const auto lossless = codec::inspect_webp(as_bytes(text("/?FIF=a.tif&QLT=-1&WTL=0,0")));
  EXPECT_TRUE(lossless && lossless->lossless);
  const auto lossy = codec::inspect_webp(as_bytes(text("/?FIF=a.tif&QLT=50&WTL=0,0")));
  EXPECT_TRUE(lossy && !lossy->lossless);
}

TEST_F(IipTest, ProcessesTilesAndExports) {
  const pixel::Image plain = picture("/?FIF=a.tif&PTL=1,0");
  const pixel::Image inverse = picture("/?FIF=a.tif&INV&PTL=1,0");
  ASSERT_EQ(inverse.data.size(), plain.data.size());
  for (std::size_t i = 0; i < plain.data.size(); ++i) {
    ASSERT_EQ(inverse.data[i], 255 - plain.data[i]);
  }
  EXPECT_EQ(picture("/?FIF=a.tif&INV=1&INV&PTL=1,0").data, inverse.data);
  EXPECT_EQ(picture("/?FIF=a.tif&CTW=[0,0,1;0,1,0;1,0,0]&PTL=1,0").row(0)[0], 64);
  EXPECT_EQ(picture("/?FIF=a.tif&COL=grey&PTL=1,0").channels, 1);
  EXPECT_EQ(picture("/?FIF=a.tif&CTW=[0,0,1]&WID=70&CVT=png").row(20)[20], 64);
  EXPECT_EQ(size("/?FIF=a.tif&ROT=90&WID=70&CVT=png"), "50x70");
  EXPECT_EQ(get("/?FIF=a.tif&ROT=90&WID=70&CVT=png").headers.get("Content-Disposition"),
            "inline; filename=\"a_50x70.png\"");
  EXPECT_EQ(size("/?FIF=a.tif&ROT=180&JTL=1,0"), "47x125") << "the tile that lies there when the picture is turned";
  EXPECT_EQ(size("/?FIF=a.tif&ROT=90&JTL=1,0"), "125x128") << "90 degrees: clients map the numbers";
  EXPECT_EQ(size("/?FIF=a.tif&ROT=!0&JTL=1,0"), "128x125");
  EXPECT_EQ(text("/?FIF=a.tif&ROT=90&OBJ=Max-size"), "Max-size:500 700\r\n");
  EXPECT_EQ(size("/?FIF=a.tif&INV&JTL=9,0"), "404 no such resolution\n");
  EXPECT_EQ(size("/?FIF=a.tif&CMP=jet&GAM=0.5&CNT=1.2&CNV=sharpen&COL=binary&TIL=0,0").substr(0, 3), "200");
}

TEST_F(IipTest, ConvolvesWithoutSeams) {
  const pixel::Image whole = picture("/?FIF=a.tif&CNV=emboss&WID=350&CVT=png");
  const pixel::Image tile = picture("/?FIF=a.tif&CNV=emboss&PTL=2,4");
  ASSERT_EQ(whole.width, 350);
  for (int y = 0; y < tile.height; ++y) {
    ASSERT_TRUE(std::equal(tile.row(y), tile.row(y) + 3 * tile.width, whole.row(128 + y) + 3 * 128)) << y;
  }
}

TEST_F(IipTest, ValidatesProcessedPictures) {
  const http::Response first = get("/?FIF=a.tif&INV&JTL=0,0");
  const std::string etag(first.headers.get("ETag"));
  EXPECT_NE(etag, "");
  EXPECT_NE(etag, get("/?FIF=a.tif&GAM=2&JTL=0,0").headers.get("ETag"));
  EXPECT_EQ(get("/?FIF=a.tif&INV&JTL=0,0", "If-None-Match", etag).status, 304);
  EXPECT_EQ(
      get("/?FIF=a.tif&INV&JTL=0,0", "If-Modified-Since", std::string(first.headers.get("Last-Modified"))).status,
      304);
}

TEST_F(IipTest, RefusesModifiersThatMakeNoSense) {
  for (const char* query : {"ROT=x",
                            "ROT=nan",
                            "ROT=1e300",
                            "CNT=x",
                            "CNT=-1",
                            "CNT=inf",
                            "CNT=1e30",
                            "GAM=0",
                            "GAM=-1",
                            "GAM=nan",
                            "SHD=1",
                            "SHD=1,nan",
                            "SHD=1,2,3",
                            "CTW=[]",
                            "CTW=[a]",
                            "CTW=[1,nan]",
                            "CTW=[1;;2]",
                            "CTW=[1e39]",
                            "CTW=[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]",
                            "CTW=[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1]",
                            "CNV=foo",
                            "CNV=[1,2]",
                            "CNV=[1,2,3,4]",
                            "CNV=[inf]",
                            "MINMAX=1",
                            "MINMAX=0:1",
                            "MINMAX=0:nan,1",
                            "MINMAX=-2:0,1",
                            "MINMAX=9999:0,1",
                            "MINMAX=:0,1"}) {
    EXPECT_EQ(status(std::string("/?FIF=a.tif&") + query + "&JTL=0,0"), 400) << query;
  }
  std::string many;
  for (int i = 0; i < 70; ++i) {
    many += "&MINMAX=-:0,255";
  }
  EXPECT_EQ(status("/?FIF=a.tif" + many + "&JTL=0,0"), 400);
  EXPECT_EQ(size("/?FIF=a.tif&ROT=45&CMP=nonsense&COL=none&CNT=1&GAM=1&LYR=2&JTL=0,0"), "88x63");
  EXPECT_EQ(status("/?FIF=a.tif&QLT=rle&CVT=tiff"), 400) << "not another compression than was asked for";
}

TEST_F(IipTest, WritesTiffAndAvif) {
  const auto type = [&](const char* target) { return std::string(get(target).headers.get("Content-Type")); };
  EXPECT_EQ(type("/?FIF=a.tif&WID=60&CVT=tiff"), "image/tiff");
  EXPECT_EQ(type("/?FIF=a.tif&TTL=0,0"), "image/tiff");
  EXPECT_EQ(type("/?FIF=a.tif&WID=60&CVT=AVIF"), "image/avif");
  EXPECT_EQ(type("/?FIF=a.tif&ATL=0,0"), "image/avif");
  EXPECT_EQ(type("/?FIF=a.tif&INV&ATL=0,0"), "image/avif");
  EXPECT_EQ(get("/?FIF=a.tif&WID=60&CVT=tiff").headers.get("Content-Disposition"),
            "inline; filename=\"a_60x43.tif\"");
  const auto length = [&](const char* target) { return text(target).size(); };
  EXPECT_GT(length("/?FIF=a.tif&QLT=none&CVT=tiff"), 700U * 500 * 3);
  EXPECT_LT(length("/?FIF=a.tif&QLT=deflate&CVT=tiff"), 700U * 500 * 3 / 4);
  EXPECT_GT(length("/?FIF=a.tif&QLT=jpeg:90&CVT=tiff"), length("/?FIF=a.tif&QLT=jpeg:20&CVT=tiff"));
  EXPECT_GT(length("/?FIF=a.tif&INV&QLT=none&CVT=tiff"), 700U * 500 * 3) << "processed pictures, too";
  const std::string exact = text("/?FIF=a.tif&QLT=-1&ATL=1,0");
  const auto avif = codec::decode_avif(as_bytes(exact));
  ASSERT_TRUE(avif);
  EXPECT_EQ(avif->data, picture("/?FIF=a.tif&PTL=1,0").data);
}

TEST_F(IipTest, TakesThePostBodyAsQuery) {
  http::Request made = request("/");
  made.method = "POST";
  made.body = "FIF=a.tif&WID=100&CVT=jpeg\r\n";
  const http::Response response = send(made);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Disposition"), "attachment; filename=\"a_100x71.jpg\"");
  made.body = "slice=4";
  EXPECT_EQ(send(made).status, 405);
}

TEST_F(IipTest, RefusesOtherMethodsAndLongQueries) {
  http::Request made = request("/?FIF=a.tif&OBJ=Max-size");
  made.method = "PUT";
  const http::Response put = send(made);
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(put.headers.get("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(put.headers.get("Access-Control-Allow-Origin"), "*");
  made.method = "OPTIONS";
  const http::Response preflight = send(made);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(std::string(preflight.headers.get("Access-Control-Allow-Headers")), HasSubstr("If-None-Match"));
  made.method = "HEAD";
  EXPECT_EQ(send(made).status, 200);
  EXPECT_EQ(status("/?FIF=" + std::string(100'000, 'a')), 414);
  EXPECT_EQ(status("/?x=" + std::string(100'000, 'a')), 414);
  std::string files;
  for (int i = 0; i < 20; ++i) {
    files += "FIF=" + std::string(i % 2 == 0 ? "a.tif" : "/a.tif") + "&OBJ=Max-size&";
  }
  EXPECT_NE(status("/?" + files), 200) << "one request cannot open any number of files";
}

TEST_F(IipTest, AnswersConditionalRequests) {
  const http::Response first = get("/?FIF=a.tif&JTL=0,0");
  EXPECT_EQ(get("/?FIF=a.tif&JTL=0,0", "If-None-Match", std::string(first.headers.get("ETag"))).status, 304);
  const std::string modified(first.headers.get("Last-Modified"));
  EXPECT_EQ(get("/?FIF=a.tif&JTL=0,0", "If-Modified-Since", modified).status, 304);
  EXPECT_EQ(get("/?FIF=a.tif&JTL=0,0", "If-Modified-Since", "Sun, 22 Nov 2099 00:00:00 GMT").status, 200);
  EXPECT_EQ(get("/?FIF=a.tif&JTL=0,0", "If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT").status, 200);
  EXPECT_EQ(get("/?FIF=a.tif&JTL=0,0", "If-None-Match", "\"other\"").status, 200);
}

}  // namespace
}  // namespace microtome::protocol
