// SPDX-License-Identifier: Apache-2.0
// Every command with every kind of argument that is none: an answer with a status of its own, and nothing else.
#include <gmock/gmock.h>

#include <set>

#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

constexpr std::array<const char*, 36> kCommands{
    "FIF", "OBJ", "JTL",    "PTL", "WTL",     "ATL",      "TTL",     "JTLS", "TIL", "CVT", "WID", "HEI",
    "RGN", "ROT", "QLT",    "SDS", "CNT",     "GAM",      "INV",     "CMP",  "SHD", "CTW", "CNV", "COL",
    "LYR", "ICC", "MINMAX", "PFL", "SPECTRA", "DeepZoom", "Zoomify", "IIIF", "FOO", "%00", "x",   "jtl"};

constexpr std::array<const char*, 34> kArguments{"",
                                                 "0",
                                                 "-1",
                                                 "nan",
                                                 "inf",
                                                 "1e308",
                                                 "1e309",
                                                 "0x10",
                                                 "4294967296",
                                                 "9223372036854775807",
                                                 "-9223372036854775808",
                                                 "99999999999999999999999999999999999999",
                                                 "0,0",
                                                 "0,-1",
                                                 "0,4294967295",
                                                 "9223372036854775807,9223372036854775807",
                                                 "0,0,0,0",
                                                 "-1,-1,-1,-1",
                                                 "nan,nan,nan,nan",
                                                 "1e-320,1e-320,1e-320,1e-320",
                                                 "0.5,0.5,1e308,1e308",
                                                 ",,,,,,,,",
                                                 "[[[[",
                                                 "[;;;;]",
                                                 "[1,1;1,1;1,1]",
                                                 "0:0,0",
                                                 "0:0,0-0,0",
                                                 "-:1,1",
                                                 "0:9223372036854775807,0-0,9223372036854775807",
                                                 "0,0-9223372036854775807",
                                                 "!!90",
                                                 "%",
                                                 "%ff%fe%00",
                                                 "a.tif_files/99/9999999999_0.jpg"};

TEST(IipHostile, EveryArgumentHasAnAnswer) {
  class World : public ServiceTest {
   public:
    World() {
      dir.write("a.tif", "70x50 16");
      engine_options.max_output_pixels = 1'000'000;
      options.max_cvt = 1000;
    }
    void TestBody() override {}
    using ServiceTest::get;
  } world;
  const std::set<int> allowed{200, 400, 404, 413, 501};
  for (const char* command : kCommands) {
    for (const char* argument : kArguments) {
      const std::string middle = std::string(command) + "=" + argument;
      for (const std::string& query : {"FIF=a.tif&" + middle, middle, "FIF=a.tif&" + middle + "&JTL=0,0",
                                       "FIF=a.tif&WID=20&" + middle + "&CVT=jpeg"}) {
        const http::Response response = world.get("/iip?" + query);
        EXPECT_TRUE(allowed.contains(response.status)) << query << ": " << response.status;
        EXPECT_EQ(body_of(response).find("/tmp"), std::string::npos) << query << " tells where files lie";
        EXPECT_LE(body_of(response).size(), 1'000'000U) << query;
      }
    }
  }
}

}  // namespace
}  // namespace microtome::protocol
