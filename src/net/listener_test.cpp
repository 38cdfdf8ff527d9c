// SPDX-License-Identifier: Apache-2.0
#include "net/listener.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "net/inherited.hpp"

namespace microtome::net {
namespace {

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "microtome-net-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] std::string file(const std::string& leaf) const { return path_ + "/" + leaf; }

 private:
  std::string path_;
};

TEST(ParseListen, TakesWhatPeopleWrite) {
  EXPECT_EQ(parse_listen(":80")->host, "127.0.0.1");
  EXPECT_EQ(parse_listen("localhost:80")->host, "127.0.0.1");
  EXPECT_EQ(parse_listen("*:80")->host, "0.0.0.0");
  EXPECT_EQ(parse_listen("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_listen("127.0.0.2:65535")->port, 65535);
  EXPECT_EQ(parse_listen("unix:/a/b")->path, "/a/b");
  EXPECT_EQ(parse_listen("/a/b")->path, "/a/b");
  EXPECT_EQ(parse_listen("fd:0")->fd, 0);
}

TEST(ParseListen, RefusesTheRestWithASentence) {
  for (const char* bad : {"", "80", "example.org:80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80",
                          "[127.0.0.1]:80", "unix:", "fd:", "fd:x", "fd:-1", "http://x:1"}) {
    const auto result = parse_listen(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().code, Code::bad_request);
    EXPECT_FALSE(result.error().message.empty());
  }
  EXPECT_FALSE(parse_listen("unix:/" + std::string(200, 'x')));
}

TEST(Listener, PicksAPortAndRefusesOneInUse) {
  const auto first = Listener::open({"127.0.0.1:0", Speak::http, 16, 0}, true);
  ASSERT_TRUE(first) << first.error().message;
  const std::string shown = (*first)->shown();
  EXPECT_TRUE(shown.starts_with("http://127.0.0.1:")) << shown;
  const std::string address = shown.substr(7, shown.size() - 8);
  EXPECT_NE(address, "127.0.0.1:0");
  // Another program, even one that would share: refused. Our own second loop: taken.
  const auto second = Listener::open({address, Speak::http, 16, 0}, true);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
  const auto again = (*first)->again();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->shown(), shown);
}

TEST(Listener, SaysWhatIsWrongWithAnAddress) {
  const auto foreign = Listener::open({"192.0.2.1:0", Speak::http, 16, 0}, false);
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("no such address"), std::string::npos) << foreign.error().message;
  const auto nowhere = Listener::open({"unix:/nonexistent/x.sock", Speak::fastcgi, 16, 0}, false);
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("directory"), std::string::npos) << nowhere.error().message;
  const auto closed = Listener::open({"fd:61234", Speak::fastcgi, 16, 0}, false);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Code::io);
}

TEST(Listener, ReplacesAStaleUnixSocketButNotALivingOneNorAFile) {
  const Directory directory;
  const std::string path = directory.file("x.sock");
  const Listen listen{"unix:" + path, Speak::fastcgi, 16, 0660};
  {
    auto first = Listener::open(listen, false);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ((*first)->shown(), "fastcgi unix:" + path);
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
    const auto second = Listener::open(listen, false);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
    EXPECT_TRUE(std::filesystem::exists(path));  // the refused one did not take it away
    close((*first)->release());                  // dies without cleaning up
    const auto third = Listener::open(listen, false);
    EXPECT_TRUE(third) << third.error().message;
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  std::ofstream(path) << "precious";
  const auto file = Listener::open(listen, false);
  ASSERT_FALSE(file);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(Inherited, CountsOnlyWhatIsMeantForUs) {
  setenv("LISTEN_FDS", "2", 1);
  setenv("LISTEN_PID", "1", 1);
  EXPECT_TRUE(inherited_listeners().empty());
  setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(inherited_listeners(), (std::vector<std::string>{"fd:3", "fd:4"}));
  setenv("LISTEN_FDS", "nonsense", 1);
  EXPECT_TRUE(inherited_listeners().empty());
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_PID");
  EXPECT_FALSE(is_listening_socket(12345));
}

}  // namespace
}  // namespace microtome::net
