// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

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
  const auto commands = parse_iip("fif=a%20b+c.tif&&WID=&=3&INV&CTW=[1%2C0]&SEL=1%2B2&x=1=2");
  ASSERT_TRUE(commands);
  std::string shown;
  for (const IipCommand& command : *commands) {
    shown += command.name + ":" + command.argument + " ";
  }
  EXPECT_EQ(shown, "FIF:a b c.tif INV:INV CTW:[1,0] SEL:1%2B2 X:1=2 ");
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
  EXPECT_EQ(text("/?OBJ=Max-size"), "Error/4:1 3 \r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=unknown-thing"), "Error/17:3 2 unknown-thing\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&FOO=1"), "Error/7:2 2 FOO\r\n");
  EXPECT_EQ(text("/?FIF=a.tif"), "Error/13:2 1 FIF=a.tif\r\n");
  EXPECT_EQ(size("/?FIF=a.tif&FOO=1&JTL=0,0"), "88x63") << "the other commands still run";
  const http::Response response = get("/?JTL=0,0");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/vnd.netfpx");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-cache");
}

TEST_F(IipTest, NeverLeavesAModifierOut) {
  EXPECT_EQ(size("/?FIF=a.tif&INV&JTL=0,0"), "501 INV is not supported\n");
  EXPECT_EQ(size("/?FIF=a.tif&ROT=90&CVT=jpeg"), "501 ROT is not supported\n");
  for (const char* neutral :
       {"ROT=0", "ROT=45", "ROT=360", "CNT=1.0", "GAM=1", "CMP=nonsense", "COL=colour", "LYR=3", "ICC=1"}) {
    EXPECT_EQ(size(std::string("/?FIF=a.tif&") + neutral + "&JTL=0,0"), "88x63") << neutral;
  }
  for (const char* other : {"ROT=!0", "CNT=st", "CMP=jet", "COL=grey", "CTW=[1,0]", "MINMAX=0:1,2"}) {
    EXPECT_EQ(status(std::string("/?FIF=a.tif&") + other + "&JTL=0,0"), 501) << other;
  }
}

TEST_F(IipTest, FindsNoOtherFiles) {
  dir.write("broken.tif", "nonsense");
  for (const char* file : {"missing.tif", "../../../../etc/passwd", "....//....//etc/passwd", "/etc/passwd",
                           "a.tif%00.png", ".", "broken.tif"}) {
    const http::Response response = get(std::string("/?FIF=") + file + "&OBJ=Max-size");
    EXPECT_EQ(response.status, 404) << file;
    EXPECT_THAT(body_of(response), Not(HasSubstr("/"))) << "no path of the server";
    EXPECT_LT(body_of(response).size(), 100U);
    EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
  }
  EXPECT_EQ(status("/?FIF=missing.tif"), 404);
  EXPECT_EQ(size("/?FIF=%2e%2e%2f....//a.tif&JTL=0,0"), "88x63") << "\"../\" is taken out, as the old servers did";
  EXPECT_THAT(lines, testing::Contains(HasSubstr("--root"))) << "the log says which setting would help";
}

TEST_F(IipTest, TakesAbsolutePathsBelowARoot) {
  EXPECT_EQ(size("/?FIF=" + dir.path("a.tif") + "&JTL=0,0"), "88x63");
}

TEST_F(IipTest, TakesTheRootFromTheRequest) {
  no_root = true;
  http::Request made = request("/?FIF=a.tif&JTL=0,0");
  EXPECT_EQ(send(made).status, 404) << "without any root nothing is served";
  made.document_root = dir.path();
  EXPECT_EQ(send(made).status, 200);
  made.document_root = "/nonexistent";
  EXPECT_EQ(send(made).status, 404);
}

TEST_F(IipTest, PutsThePrefixInFrontAsText) {
  no_root = true;
  options.roots.prefix = dir.path() + "/";
  EXPECT_EQ(size("/?FIF=a.tif&JTL=0,0"), "88x63");
}

TEST_F(IipTest, ServesSequences) {
  for (const char* name : {"seq_pyr_000_090.tif", "seq_pyr_010_090.tif", "seq_pyr_135_090.tif"}) {
    dir.write(std::string("s/") + name, "300x200 128");
  }
  dir.write("s/seq_pyr_000_045.tif", "400x300 128");
  EXPECT_EQ(text("/?FIF=s/seq&OBJ=Horizontal-views&OBJ=Vertical-views"),
            "Horizontal-views:0 10 135\r\nVertical-views:45 90\r\n");
  EXPECT_EQ(text("/?FIF=s/seq&OBJ=Max-size"), "Max-size:300 200\r\n");
  EXPECT_EQ(text("/?FIF=s/seq&SDS=0,45&OBJ=Max-size"), "Max-size:400 300\r\n");
  EXPECT_EQ(text("/?FIF=s/seq&SDS=0,45&OBJ=Max-size&SDS=0,90&OBJ=Max-size"),
            "Max-size:400 300\r\nMax-size:300 200\r\n");
  EXPECT_EQ(size("/?FIF=s/seq&SDS=135&JTL=0,0"), "75x50") << "one number: vertical 90";
  EXPECT_EQ(status("/?FIF=s/seq&SDS=11,90&JTL=0,0"), 404);
  EXPECT_EQ(status("/?FIF=s/se*&JTL=0,0"), 404) << "no wildcards";
  EXPECT_EQ(status("/?FIF=s/seq&SDS=x&JTL=0,0"), 400);
}

TEST_F(IipTest, TakesIdsOfSlices) {
  dir.write("eye/s41.tif", "300x200 128");
  dir.write("eye/s42.tif", "300x200 128");
  EXPECT_EQ(text("/?FIF=eye/41&OBJ=Max-size"), "Max-size:300 200\r\n");
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
