// SPDX-License-Identifier: Apache-2.0
#include "host/backend_socket.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace microtome::host {
namespace {

// A free port of this address, as text.
BackendAddress free_address(const std::string& host) {
  auto any = BackendAddress::tcp(host, 0);
  EXPECT_TRUE(any);
  const int fd = *listen_for_app(*any, 1);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  close(fd);
  const int port = ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);  // at the same place in sockaddr_in6
  return *BackendAddress::tcp(host, port);
}

// How many of `count` new connections to the address come to `fd`. They stay open until the end of the test.
int arrivals(const BackendAddress& address, int fd, int count, std::vector<int>& open) {
  int found = 0;
  for (int i = 0; i < count; ++i) {
    open.push_back(connect_to_app(address).fd);
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, 100) == 1) {
      open.push_back(accept(fd, nullptr, nullptr));
      ++found;
    }
  }
  return found;
}

class BesideTest : public testing::TestWithParam<const char*> {};

TEST_P(BesideTest, NewConnectionsComeToTheLast) {
  const BackendAddress address = free_address(GetParam());
  std::vector<int> open;
  std::vector<int> generations{*listen_for_app(address, 16)};
  for (int generation = 1; generation < 3; ++generation) {
    auto fd = listen_beside(generations.back(), address, 16);
    ASSERT_TRUE(fd) << fd.error().message;
    generations.push_back(*fd);
    aim_at(*fd, address);
    EXPECT_EQ(arrivals(address, *fd, 20, open), 20);
  }
  // The last one is alone.
  close(generations[1]);
  close(generations[0]);
  EXPECT_EQ(arrivals(address, generations[2], 20, open), 20);
  close(generations[2]);
  for (const int fd : open) {
    close(fd);
  }
}

TEST_P(BesideTest, WhoeverComesByMistakeIsRefused) {
  const BackendAddress address = free_address(GetParam());
  const int fd = *listen_for_app(address, 16);
  const auto second = listen_for_app(address, 16);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
  close(fd);
}

INSTANTIATE_TEST_SUITE_P(Addresses, BesideTest, testing::Values("127.0.0.1", "::1"));

}  // namespace
}  // namespace microtome::host
