// SPDX-License-Identifier: Apache-2.0
#include "host/address.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

TEST(Network, ContainsAddressesInEitherSpelling) {
  struct Case {
    const char* network;
    const char* address;
    bool inside;
  };
  for (const Case& each : {
           Case{"1.0.0.1/1", "1.0.0.1", true},
           {"254.254.254.254/1", "254.0.0.1", true},
           {"254.254.254.252/31", "254.254.254.253", true},
           {"254.254.254.253/31", "254.254.254.254", false},
           {"254.254.254.253/32", "254.254.254.254", false},
           {"254.254.254.254/32", "254.254.254.254", true},
           {"2001::/3", "2001::1", true},
           {"2f01::/5", "2701::1", false},
           {"2f01::/32", "2f01::1", true},
           {"2f01::/32", "2f02::1", false},
           {"2001::1/127", "2001::2", false},
           {"2001::2/128", "2001::3", false},
           {"254.254.254.252/31", "::ffff:254.254.254.253", true},
           {"254.254.254.253/31", "::ffff:254.254.254.254", false},
           {"::ffff:254.254.254.254/97", "254.0.0.1", true},
           {"::ffff:254.254.254.253/127", "254.254.254.254", false},
           {"::ffff:254.254.254.254/128", "254.254.254.254", true},
           {"0.0.0.0/0", "9.9.9.9", true},
           {"0.0.0.0/0", "2001::1", false},
       }) {
    const auto network = parse_network(each.network);
    const auto address = parse_address(each.address);
    ASSERT_TRUE(network && address) << each.network;
    EXPECT_EQ(network->contains(*address), each.inside) << each.network << ' ' << each.address;
  }
  for (const char* text : {"", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "::/129", "1.2.3.4/-1", "x/8"}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
}

}  // namespace
}  // namespace microtome::host
