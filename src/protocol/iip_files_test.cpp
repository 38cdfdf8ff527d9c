// SPDX-License-Identifier: Apache-2.0
// What FIF and SDS name: files below the roots, sequences, slices; and what is answered when it is not there.
#include <gmock/gmock.h>

#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

using testing::HasSubstr;
using testing::Not;

class IipFiles : public ServiceTest {
 protected:
  IipFiles() { dir.write("a.tif", "700x500 128"); }
};

TEST_F(IipFiles, FindsNoOtherFiles) {
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

TEST_F(IipFiles, TakesAbsolutePathsBelowARoot) {
  EXPECT_EQ(size("/?FIF=" + dir.path("a.tif") + "&JTL=0,0"), "88x63");
}

TEST_F(IipFiles, TakesTheRootFromTheRequest) {
  no_root = true;
  http::Request made = request("/?FIF=a.tif&JTL=0,0");
  EXPECT_EQ(send(made).status, 404) << "without any root nothing is served";
  made.document_root = dir.path();
  EXPECT_EQ(send(made).status, 200);
  made.document_root = "/nonexistent";
  EXPECT_EQ(send(made).status, 404);
}

TEST_F(IipFiles, PutsThePrefixInFrontAsText) {
  no_root = true;
  options.roots.prefix = dir.path() + "/";
  EXPECT_EQ(size("/?FIF=a.tif&JTL=0,0"), "88x63");
}

TEST_F(IipFiles, ServesSequences) {
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

TEST_F(IipFiles, TakesIdsOfSlices) {
  dir.write("eye/s41.tif", "300x200 128");
  dir.write("eye/s42.tif", "300x200 128");
  EXPECT_EQ(text("/?FIF=eye/41&OBJ=Max-size"), "Max-size:300 200\r\n");
}

// One program stands for two servers, which answered differently.
TEST_F(IipFiles, AnswersWlzIIPSrvsClientsInItsWords) {
  dir.write("broken.tif", "nonsense");
  const auto is_old = [](const http::Response& response, const std::string& what) {
    EXPECT_EQ(response.status, 200) << what;
    EXPECT_EQ(response.headers.get("Content-Type"), "application/vnd.netfpx") << what;
    EXPECT_EQ(body_of(response), "Error/7:1 3 FIF\r\n") << what;
  };
  for (const char* rest : {"OBJ=Max-size", "OBJ=IIP,1.0&OBJ=Max-size", "SDS=0,90&OBJ=Max-size"}) {
    for (const char* file : {"missing.tif", "broken.tif"}) {
      const std::string query = "?FIF=" + std::string(file) + "&" + rest;
      is_old(get("/cgi-bin/wlziipsrv.fcgi" + query), query);
      http::Request mounted = request("/" + query);
      mounted.mount = "/fcgi/WlzIIPsrv.fcgi";
      is_old(send(mounted), query);
      EXPECT_EQ(status("/cgi-bin/iipsrv.fcgi" + query), 404) << query;
      EXPECT_EQ(status("/xwlziipsrv.fcgi" + query), 404) << query;
    }
  }
  // Who asks for pixels, or for what is not his, gets the status.
  for (const char* rest : {"JTL=0,0", "CVT=jpeg", "WID=9&PTL=0,0", "INV&CVT=png", "OBJ=IIP,1.0&JTL=0,0"}) {
    EXPECT_EQ(status(std::string("/cgi-bin/wlziipsrv.fcgi?FIF=missing.tif&") + rest), 404) << rest;
  }
  for (const char* file : {"../missing.tif", "../", "/etc/passwd", "..%2f..%2fetc%2fpasswd"}) {
    EXPECT_EQ(status(std::string("/cgi-bin/wlziipsrv.fcgi?FIF=") + file + "&OBJ=Max-size"), 404) << file;
  }
  EXPECT_EQ(size("/wlziipsrv.fcgi?FIF=a.tif&JTL=0,0"), "88x63");
  EXPECT_EQ(size("/wlziipsrv.fcgi?FIF=a.tif&INV&JTL=0,0"), "88x63");
  EXPECT_EQ(status("/wlziipsrv.fcgi?FIF=a.tif&JTL=0,99"), 404);
  EXPECT_THAT(lines, testing::Contains(HasSubstr("--root"))) << "the log says which setting would help";
  handler = nullptr;
  options.as_wlziipsrv = true;
  is_old(get("/?FIF=missing.tif&OBJ=Max-size"), "started under its name");
}

}  // namespace
}  // namespace microtome::protocol
