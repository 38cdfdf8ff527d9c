// SPDX-License-Identifier: Apache-2.0
#include "keep/front_ends.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace microtome::keep {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(FrontEnds, EveryOneHasLinesWithoutHolesAndSaysHowSureItIs) {
  for (const FrontEnd& each : front_ends()) {
    for (const char* mount : {"/", "/cgi-bin/wlziipsrv.fcgi"}) {
      const std::string lines = front_end_lines(each.name, {.mount = mount});
      EXPECT_THAT(lines, HasSubstr(std::string(each.sure))) << each.name;
      EXPECT_THAT(lines, Not(testing::ContainsRegex("@[A-Z]+@"))) << each.name;
    }
  }
  EXPECT_EQ(front_end_lines("iis", {}), "");
}

TEST(FrontEnds, NginxTakesTheMountOff) {
  const std::string lines = front_end_lines("nginx", {.address = "127.0.0.1:22430", .mount = "/slices/"});
  EXPECT_THAT(lines, HasSubstr("location /slices/ {"));
  EXPECT_THAT(lines, HasSubstr("proxy_pass http://127.0.0.1:22430/;"));
  EXPECT_THAT(lines, HasSubstr("X-Forwarded-Prefix /slices;"));
}

TEST(FrontEnds, AtTheTopThereIsNoPrefix) {
  const std::string lines = front_end_lines("nginx", {.mount = "/"});
  EXPECT_THAT(lines, HasSubstr("location / {"));
  EXPECT_THAT(lines, Not(HasSubstr("Prefix")));
}

TEST(FrontEnds, UnixSockets) {
  EXPECT_THAT(front_end_lines("nginx", {.address = "unix:/run/m"}), HasSubstr("proxy_pass http://unix:/run/m:/;"));
  EXPECT_THAT(front_end_lines("caddy", {.address = "unix:/run/m"}), HasSubstr("reverse_proxy unix//run/m"));
}

}  // namespace
}  // namespace microtome::keep
