// SPDX-License-Identifier: Apache-2.0
#include "apps/access_log.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "io/scratch_dir.hpp"

namespace microtome::apps {
namespace {

constexpr std::chrono::system_clock::time_point kAt{std::chrono::seconds(1'700'000'000)};

http::Asked asked() {
  return {"GET", "/iip?FIF=\"a\\b\x01\xc3\xbc", "HTTP/1.1", "192.0.2.7", "", "an agent"};
}

http::Served served(const http::Asked& asked) {
  return {&asked, 200, true, 1234, {"iip", "region", 30, 4000}, 20, 10};
}

TEST(AccessLog, CombinedLinesEscapeWhatStrangersSend) {
  const http::Asked who = asked();
  EXPECT_EQ(format_access(served(who), AccessFormat::combined, kAt),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /iip?FIF=\\\"a\\\\b\\x01\\xc3\\xbc HTTP/1.1\" 200 1234 "
            "\"-\" \"an agent\" iip region plan=20 queue=30 work=4000 send=10\n");
}

TEST(AccessLog, JsonLines) {
  const http::Asked who = asked();
  EXPECT_EQ(format_access(served(who), AccessFormat::json, kAt),
            R"({"time":"2023-11-14T22:13:20Z","remote":"192.0.2.7","method":"GET",)"
            R"("target":"/iip?FIF=\"a\\b\u0001\u00c3\u00bc","version":"HTTP/1.1","status":200,"bytes":1234,)"
            R"("referer":"","agent":"an agent","protocol":"iip","plan":"region","plan_us":20,"queue_us":30,)"
            R"("work_us":4000,"send_us":10,"whole":true})"
            "\n");
}

TEST(AccessLog, WritesEverythingBeforeItEnds) {
  const io::ScratchDir dir;
  const std::string file = dir.path() + "/access.log";
  const http::Asked who = asked();
  {
    auto log = AccessLog::open(file, AccessFormat::combined);
    ASSERT_TRUE(log) << log.error().message;
    for (int i = 0; i < 1000; ++i) {
      (*log)->write(served(who));
    }
  }
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 1000);
  EXPECT_FALSE(AccessLog::open(dir.path() + "/none/access.log", AccessFormat::json));
}

}  // namespace
}  // namespace microtome::apps
