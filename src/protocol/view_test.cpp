// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <filesystem>

#include "protocol/numbers.hpp"
#include "protocol/set_calls.hpp"
#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string area_of(std::string_view query, int most = 5000) {
  const auto params = Params::parse(query);
  const auto view = params ? parse_view(*params, most) : Result<ViewRequest>(pass(params.error()));
  const auto area = view ? view_area(*view, 4000, 3000, most) : Result<engine::RegionArea>(pass(view.error()));
  if (!area) {
    return area.error().message;
  }
  char text[200];
  std::snprintf(text, sizeof text, "%g,%g %gx%g -> %dx%d", area->x, area->y, area->width, area->height,
                area->out_width, area->out_height);
  return text;
}

TEST(View, FitsTheWholeSlice) {
  EXPECT_EQ(area_of("slice=1"), "0,0 4000x3000 -> 1024x768");
  EXPECT_EQ(area_of("slice=1&W=200"), "0,0 4000x3000 -> 200x150");
  EXPECT_EQ(area_of("slice=1&H=300"), "0,0 4000x3000 -> 400x300");
  EXPECT_EQ(area_of("slice=1&W=256&H=256"), "0,0 4000x3000 -> 256x192");
  EXPECT_EQ(area_of("slice=1&W=5000&H=5000"), "0,0 4000x3000 -> 4000x3000") << "never enlarged";
  EXPECT_EQ(area_of("slice=1&x=100&y=100&W=256&H=256"), "0,0 4000x3000 -> 256x192");
  EXPECT_EQ(area_of("slice=1", 500), "0,0 4000x3000 -> 500x375");
}

TEST(View, FillsTheBoxWithARegion) {
  EXPECT_EQ(area_of("slice=1&x=0&y=0&w=800&h=600&W=400&H=300"), "0,0 800x600 -> 400x300");
  EXPECT_EQ(area_of("slice=1&x=0&y=0&w=800&W=400&H=300"), "0,0 800x600 -> 400x300");
  EXPECT_EQ(area_of("slice=1&x=0&y=0&h=600&W=400&H=300"), "0,0 800x600 -> 400x300");
  EXPECT_EQ(area_of("slice=1&w=800&h=600&W=400"), "0,0 800x600 -> 400x300");
  EXPECT_EQ(area_of("slice=1&w=800&h=600&H=300"), "0,0 800x600 -> 400x300");
  EXPECT_EQ(area_of("slice=1&w=800&h=600"), "0,0 800x600 -> 1024x768");
  EXPECT_EQ(area_of("slice=1&w=800"), "0,0 800x800 -> 1024x1024");
  EXPECT_EQ(area_of("slice=1&x=-100&y=-50&w=5000&h=5000&W=100&H=100"), "-100,-50 5000x5000 -> 100x100");
}

TEST(View, SnapsToWholePixelsOfTheAnswer) {
  EXPECT_EQ(area_of("slice=1&x=3.9&y=2.1&w=800&h=600&W=400&H=300"), "4,2 800x600 -> 400x300");
  EXPECT_EQ(area_of("slice=1&x=3.2&y=2.1&w=800&h=600&W=400&H=300"), "4,2 800x600 -> 400x300");
  EXPECT_EQ(area_of("slice=1&x=10.3&y=0&w=100.0001&h=100&W=200&H=200"), "10.5,0 100x100 -> 200x200");
}

TEST(View, RefusesWhatIsNoNumber) {
  for (const char* query : {"slice=1&x=nan", "slice=1&y=inf", "slice=1&w=0", "slice=1&w=-5", "slice=1&h=1e10",
                            "slice=1&W=0", "slice=1&W=5001", "slice=1&W=1.5", "slice=1&H=-1", "slice=1&q=0",
                            "slice=1&q=101", "slice=1&format=gif", "slice=1&x=", "x=1", "slice="}) {
    EXPECT_THAT(area_of(query), Not(HasSubstr("->"))) << query;
  }
}

class SetsTest : public ServiceTest {
 protected:
  SetsTest() {
    for (const int number : {1, 2, 3, 5, 6}) {
      dir.write("eye/s" + std::to_string(number) + ".tif", "400x300 128");
    }
  }
  static std::string field(const std::string& json, const std::string& name) {
    const std::size_t at = json.find("\"" + name + "\":");
    const std::size_t begin = at + name.size() + 3;
    return at == std::string::npos ? "" : json.substr(begin, json.find_first_of(",}", begin) - begin);
  }
  std::string version() {
    const std::string quoted = field(text("/sets/eye/stack.json"), "version");
    return quoted.substr(1, quoted.size() - 2);
  }
};

TEST_F(SetsTest, ListsSets) {
  dir.write("b/c/x.png", "broken");
  const std::string json = text("/sets");
  EXPECT_THAT(json, testing::StartsWith(
                        R"({"sets":[{"name":"b/c","title":"b/c","slices":1,"missing":0,"damaged":0,"first":1,)"
                        R"("last":1,"thumbnail":1,"id":"b/c/1","width":0,"height":0,)"
                        R"("pixel_size_um":null,"spacing_um":null,"version":")"));
  EXPECT_THAT(
      json,
      HasSubstr(
          R"({"name":"eye","title":"eye","slices":5,"missing":1,"damaged":0,"first":1,"last":6,"thumbnail":3,"id":"eye/3")"));
  const http::Response first = get("/sets");
  EXPECT_EQ(first.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(first.headers.get("Cache-Control"), "no-cache");
  EXPECT_EQ(get("/sets", "If-None-Match", std::string(first.headers.get("ETag"))).status, 304);
}

TEST_F(SetsTest, DescribesAStack) {
  dir.write("eye/set.toml", "spacing_um = 5\n[[slice]]\nnumber = 2\ntransform = [1, 0, 2.5, 0, 1, -3]\n");
  const std::string json = text("/sets/eye/stack.json");
  EXPECT_EQ(
      json,
      R"({"name":"eye","title":"eye","version":")" + version() +
          R"(","pixel_size_um":0.5,"spacing_um":5,"first":1,)"
          R"("last":6,"step":1,"warnings":[],"slices":[)"
          R"({"number":1,"name":"s1","id":"eye/1","width":400,"height":300,"z_um":5,"status":"ok"},)"
          R"({"number":2,"name":"s2","id":"eye/2","width":0,"height":0,"z_um":10,"status":"ok","transform":[1,0,2.5,0,1,-3]},)"
          R"({"number":3,"name":"s3","id":"eye/3","width":0,"height":0,"z_um":15,"status":"ok"},)"
          R"({"number":4,"name":"4","id":"eye/4","width":0,"height":0,"z_um":20,"status":"missing"},)"
          R"({"number":5,"name":"s5","id":"eye/5","width":0,"height":0,"z_um":25,"status":"ok"},)"
          R"({"number":6,"name":"s6","id":"eye/6","width":0,"height":0,"z_um":30,"status":"ok"}]})");
}

TEST_F(SetsTest, SendsStacksCompressedAndTagged) {
  const std::string plain = text("/sets/eye/stack.json");
  const http::Response packed = get("/sets/eye/stack.json", "Accept-Encoding", "gzip, br");
  EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.headers.get("Vary"), "Accept-Encoding");
  const std::string body = body_of(packed);
  const auto unpacked = codec::inflate(as_bytes(body), codec::Wrapper::gzip, 1 << 20);
  ASSERT_TRUE(unpacked);
  EXPECT_EQ(as_text(*unpacked), plain);
  const std::string etag(packed.headers.get("ETag"));
  http::Request again = request("/sets/eye/stack.json");
  again.headers.add("Accept-Encoding", "gzip");
  again.headers.add("If-None-Match", etag);
  EXPECT_EQ(send(again).status, 304);
  EXPECT_EQ(get("/sets/eye/stack.json", "If-None-Match", etag).status, 200) << "the plain text has a tag of its own";
}

TEST_F(SetsTest, KeepsTheVersionWhileFilesStay) {
  options.catalogue.rescan_ms = 0;
  const std::string before = version();
  EXPECT_EQ(before.size(), 16U);
  EXPECT_EQ(status("/sets/eye/view?slice=5&W=100"), 200);
  EXPECT_EQ(version(), before) << "a size was learnt, no file changed";
  EXPECT_THAT(text("/sets/eye/stack.json"), HasSubstr(R"("id":"eye/5","width":400,"height":300)"));
  dir.write("eye/s7.tif", "400x300 128");
  EXPECT_NE(version(), before);
}

TEST_F(SetsTest, MarksWhatCannotBeRead) {
  options.catalogue.rescan_ms = 0;
  engine_options.revalidate_ms = 0;
  std::filesystem::last_write_time(dir.write("eye/s2.tif", "broken"),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  dir.write("eye/s3.tif", "");
  EXPECT_THAT(text("/sets/eye/stack.json"),
              HasSubstr(R"("id":"eye/3","width":0,"height":0,"z_um":null,"status":"damaged")"));
  EXPECT_EQ(status("/sets/eye/view?slice=2&W=100"), 404);
  EXPECT_THAT(text("/sets/eye/stack.json"),
              HasSubstr(R"("id":"eye/2","width":0,"height":0,"z_um":null,"status":"damaged")"));
  dir.write("eye/s2.tif", "400x300 128");
  EXPECT_EQ(status("/sets/eye/view?slice=2&W=100"), 200);
  EXPECT_THAT(text("/sets/eye/stack.json"),
              HasSubstr(R"("id":"eye/2","width":400,"height":300,"z_um":null,"status":"ok")"));
}

TEST_F(SetsTest, ShowsViews) {
  EXPECT_EQ(size("/sets/eye/view?slice=1&W=100&H=100"), "100x75");
  EXPECT_EQ(size("/sets/eye/view?slice=s1&W=100&H=100&format=png"), "100x75");
  EXPECT_EQ(size("/sets/eye/view?slice=1&x=0&y=0&w=400&h=400&W=40&H=40"), "40x40");
  EXPECT_EQ(get("/sets/eye/view?slice=1").headers.get("Slice-Size"), "400x300");
  EXPECT_EQ(get("/sets/eye/view?slice=1&format=webp").headers.get("Content-Type"), "image/webp");
  const pixel::Image part = picture("/sets/eye/view?slice=1&x=200&y=150&w=400&h=300&W=80&H=60&format=png");
  ASSERT_EQ(part.width, 80);
  EXPECT_NEAR(part.row(0)[0], 255 * 0.5, 3);
  EXPECT_NEAR(part.row(0)[3 * 39], 253, 3);
  EXPECT_EQ(part.row(0)[3 * 41 + 2], 255) << "beyond the slice it is white";
  EXPECT_EQ(part.row(31)[2], 255);
}

TEST_F(SetsTest, SnapsViewsToOneAnswer) {
  const std::string one(get("/sets/eye/view?slice=1&x=3.9&y=2.1&w=200&h=150&W=100&H=75").headers.get("ETag"));
  const std::string two(get("/sets/eye/view?slice=1&x=4.2&y=1.9&w=200&h=150&W=100&H=75").headers.get("ETag"));
  const std::string other(get("/sets/eye/view?slice=1&x=6&y=2&w=200&h=150&W=100&H=75").headers.get("ETag"));
  EXPECT_NE(one, "");
  EXPECT_EQ(one, two);
  EXPECT_NE(one, other);
}

TEST_F(SetsTest, RefusesViewsOfNothing) {
  EXPECT_EQ(size("/sets/eye/view?slice=4"), "404 slice 4 is missing\n");
  EXPECT_EQ(size("/sets/eye/view?slice=9"), "404 no such slice\n");
  EXPECT_EQ(size("/sets/nose/view?slice=1"), "404 no such set\n");
  EXPECT_EQ(status("/sets/eye/view"), 400);
  EXPECT_EQ(status("/sets/eye/view?slice=1&x=nan"), 400);
  EXPECT_EQ(status("/sets/eye/other"), 404);
  EXPECT_EQ(status("/sets/eye"), 404);
  EXPECT_EQ(status("/sets//view?slice=1"), 404);
  EXPECT_EQ(status("/sets/%zz/view?slice=1"), 400);
}

TEST_F(SetsTest, CachesVersionedUrlsForever) {
  const std::string v = version();
  for (const std::string& url : {"/sets/eye/view?slice=1&W=50&v=" + v, "/sets/eye/strip?v=" + v,
                                 "/dz/eye/1.dzi?v=" + v, "/dz/eye/1_files/9/0_0.jpg?v=" + v}) {
    EXPECT_EQ(get(url).headers.get("Cache-Control"), "public, max-age=31536000, immutable") << url;
  }
  for (const char* url : {"/sets/eye/view?slice=1&W=50&v=0000000000000000", "/sets/eye/view?slice=1&W=50",
                          "/sets/eye/strip", "/dz/eye/1.dzi?v=x", "/dz/eye/1_files/9/0_0.jpg"}) {
    EXPECT_EQ(get(url).headers.get("Cache-Control"), "max-age=86400") << url;
  }
}

TEST_F(SetsTest, NeverCallsAChangedFileImmutable) {
  options.catalogue.rescan_ms = 60'000;  // the catalogue still believes in the old file
  const std::string v = version();
  dir.write("eye/s5.tif", "500x300 128 new");
  EXPECT_EQ(get("/sets/eye/view?slice=5&W=50&v=" + v).headers.get("Cache-Control"), "no-cache");
}

TEST_F(SetsTest, FindsSetsWithSlashesInTheirNames) {
  dir.write("eyes/left/s1.tif", "400x300 128");
  dir.write("eyes/left/s2.tif", "400x300 128");
  EXPECT_EQ(status("/sets/eyes/left/stack.json"), 200);
  EXPECT_EQ(status("/sets/eyes%2Fleft/stack.json"), 200);
  EXPECT_EQ(size("/sets/eyes%2fleft/view?slice=2&W=40"), "40x30");
}

TEST_F(SetsTest, SeesANewSliceWhenItIsAskedFor) {
  options.catalogue.rescan_ms = 50;
  EXPECT_EQ(status("/sets/eye/view?slice=7"), 404);
  dir.write("eye/s7.tif", "400x300 128");
  int last = 0;
  for (int i = 0; i < 100 && last != 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    last = status("/sets/eye/view?slice=7");
  }
  EXPECT_EQ(last, 200);
}

TEST_F(SetsTest, DrawsStrips) {
  dir.write("eye/s6.tif", "100x300 128");  // narrower than its cell
  const http::Response response = get("/sets/eye/strip?from=1&count=7&height=30&format=png");
  EXPECT_EQ(response.headers.get("Strip-Cell"), "40x30");
  const std::string body = body_of(response);
  const auto sheet = codec::decode_png(as_bytes(body));
  ASSERT_TRUE(sheet);
  EXPECT_EQ(sheet->width, 280);
  EXPECT_EQ(sheet->height, 30);
  const auto blue = [&](int x) { return static_cast<int>(sheet->row(15)[3 * x + 2]); };
  EXPECT_EQ(blue(0), 64);
  EXPECT_EQ(blue(3 * 40 + 20), 255) << "slice 4 is a gap";
  EXPECT_EQ(blue(4 * 40 + 20), 64);
  EXPECT_EQ(blue(5 * 40 + 2), 255) << "fitted and centred";
  EXPECT_EQ(blue(5 * 40 + 20), 64);
  EXPECT_EQ(blue(6 * 40 + 20), 255) << "beyond the end";
}

TEST_F(SetsTest, LaysStripsOutInRows) {
  EXPECT_EQ(size("/sets/eye/strip?count=6&height=30&columns=4"), "160x60");
  EXPECT_EQ(size("/sets/eye/strip?count=2&height=30&width=50"), "100x30");
  EXPECT_EQ(size("/sets/eye/strip?from=5&count=3&step=2&height=30&columns=9"), "120x30");
  EXPECT_EQ(size("/sets/eye/strip?from=100&count=2&height=30"), "80x30");
  for (const char* query : {"count=0", "count=513", "step=0", "height=7", "height=nan", "width=2000", "columns=0",
                            "from=x", "count=512&width=1000"}) {
    EXPECT_EQ(status(std::string("/sets/eye/strip?") + query), 400) << query;
  }
  const http::Response first = get("/sets/eye/strip?count=6");
  EXPECT_EQ(get("/sets/eye/strip?count=6", "If-None-Match", std::string(first.headers.get("ETag"))).status, 304);
}

TEST_F(SetsTest, DrawsAnotherStripWhenASliceChanges) {
  options.catalogue.rescan_ms = 0;
  const std::string before(get("/sets/eye/strip?count=6").headers.get("ETag"));
  EXPECT_EQ(get("/sets/eye/strip?count=6").headers.get("ETag"), before);
  dir.write("eye/s4.tif", "400x300 128");
  (void)get("/sets");  // the strip itself does not wait for a scan
  EXPECT_NE(get("/sets/eye/strip?count=6").headers.get("ETag"), before);
}

TEST_F(SetsTest, LeavesCellsOfBrokenSlicesBlankButKeepsNoPassingFault) {
  options.catalogue.rescan_ms = 60'000;
  dir.write("eye/s2.tif", "broken");
  EXPECT_EQ(size("/sets/eye/strip?count=2&height=30&width=40"), "80x30");
  dir.write("eye/s3.tif", "400x300 128 changed");  // the catalogue still knows the old file
  const http::Response response = get("/sets/eye/strip?from=3&count=2&height=30&width=40");
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.headers.get("Retry-After"), "");
}

TEST_F(SetsTest, SendsFiveThousandSlicesInSixtyKilobytes) {
  std::filesystem::create_directory(dir.path("big"));
  for (int i = 1; i <= 5000; ++i) {
    dir.write("big/S2897L_pyr_" + std::to_string(10000 + i).substr(1) + ".tif", "4000x3000 512");
  }
  dir.write("big/set.toml", "spacing_um = 5\n");
  const http::Response packed = get("/sets/big/stack.json", "Accept-Encoding", "gzip");
  const std::string body = body_of(packed);
  EXPECT_LE(body.size(), 60'000U);
  EXPECT_GT(body.size(), 10'000U);
}

class PageTest : public ServiceTest {
 protected:
  PageTest() {
    const auto bytes = [](std::string_view text) { return std::make_shared<const Bytes>(text.begin(), text.end()); };
    options.assets.push_back({"/", "text/html; charset=utf-8", bytes("<p>page"), bytes("gz"), bytes("br"), "\"e1\"",
                              "default-src 'self'"});
    options.assets.push_back({"/assets/viewer.js", "text/javascript", bytes("js"), nullptr, nullptr, "\"e2\"", ""});
  }
};

TEST_F(PageTest, ServesTheViewer) {
  for (const char* path : {"/", "/v/GLTa/41", "/v/eyes%2Fleft/41?x=1&y=2", "/v", "/iip"}) {
    const http::Response response = get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(body_of(response), "<p>page") << path;
    EXPECT_EQ(response.headers.get("Content-Security-Policy"), "default-src 'self'");
    EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff");
  }
  EXPECT_EQ(text("/assets/viewer.js"), "js");
  EXPECT_EQ(status("/assets/other.js"), 404);
  EXPECT_EQ(status("/nothing"), 404);
}

TEST_F(PageTest, SendsWhatTheClientCanUnpack) {
  EXPECT_EQ(body_of(get("/", "Accept-Encoding", "gzip, deflate, br")), "br");
  EXPECT_EQ(body_of(get("/", "Accept-Encoding", "gzip")), "gz");
  EXPECT_EQ(body_of(get("/", "Accept-Encoding", "br;q=0.1, gzip;q=0.5")), "gz");
  EXPECT_EQ(body_of(get("/", "Accept-Encoding", "identity")), "<p>page");
  EXPECT_EQ(body_of(get("/assets/viewer.js", "Accept-Encoding", "gzip, br")), "js");
  const http::Response packed = get("/", "Accept-Encoding", "gzip");
  EXPECT_EQ(packed.headers.get("Vary"), "Accept-Encoding");
  EXPECT_EQ(packed.headers.get("ETag"), "\"e1-gzip\"");
  EXPECT_EQ(get("/", "If-None-Match", "\"e1\"").status, 304);
}

TEST_F(PageTest, TellsItsHealth) {
  const http::Response response = get("/healthz");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
  EXPECT_THAT(body_of(response), testing::StartsWith("{\"status\":\"ok\",\"version\":\""));
  EXPECT_EQ(status("/sets/none/stack.json"), 404);
  EXPECT_THAT(text("/healthz"), HasSubstr("\"requests\":3,\"errors\":0,\"refused\":1"));
}

TEST_F(PageTest, IsOnlyRead) {
  http::Request made = request("/sets");
  made.method = "POST";
  const http::Response response = send(made);
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.get("Allow"), "GET, HEAD, OPTIONS");
  made.method = "OPTIONS";
  EXPECT_EQ(send(made).status, 204);
}

TEST_F(PageTest, RefusesRootsThatDoNotExist) {
  options.roots.directories = {"/nonexistent/root"};
  EXPECT_FALSE(make_service(options, engine::make_engine({}, pool, {}, gradient_world()), pool, Log()));
}

}  // namespace
}  // namespace microtome::protocol
