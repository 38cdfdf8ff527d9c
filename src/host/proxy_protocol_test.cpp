// SPDX-License-Identifier: Apache-2.0
#include "host/proxy_protocol.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

std::string binary(char command, char family, const std::string& rest) {
  std::string text("\r\n\r\n\0\r\nQUIT\n", 12);
  text += command;
  text += family;
  text += static_cast<char>(rest.size() >> 8);
  text += static_cast<char>(rest.size() & 0xff);
  return text + rest;
}

const std::string kV4("\xc0\x00\x02\x01\x7f\x00\x00\x01\xdc\x04\x01\xbb", 12);

std::optional<ProxyHeader> header(const std::string& bytes) {
  const auto read = read_proxy_header(bytes);
  return read ? *read : std::nullopt;
}

TEST(ProxyProtocol, Lines) {
  const auto four = header("PROXY TCP4 192.0.2.1 127.0.0.1 56324 443\r\nGET /");
  ASSERT_TRUE(four);
  EXPECT_EQ(four->address, "192.0.2.1");
  EXPECT_EQ(four->port, 56324);
  EXPECT_EQ(four->size, 42U);
  EXPECT_FALSE(four->secure);
  const auto six = header("PROXY TCP6 2001:DB8:0:0::1 ::1 1 2\r\n");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->address, "2001:db8::1");
  const auto mapped = header("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n");
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->address, "192.0.2.1");
}

TEST(ProxyProtocol, LinesOfNobodyInParticular) {
  for (const char* line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"}) {
    const auto read = header(line);
    ASSERT_TRUE(read) << line;
    EXPECT_EQ(read->address, "");
    EXPECT_EQ(read->size, std::string_view(line).size());
  }
}

TEST(ProxyProtocol, LinesThatAreNone) {
  for (const char* line :
       {"GET / HTTP/1.1\r\n", "proxy TCP4 192.0.2.1 127.0.0.1 1 2\r\n", "PROXY TCP4 192.0.2.1 127.0.0.1 1\r\n",
        "PROXY TCP4 192.0.2.1 127.0.0.1 1 2 3\r\n", "PROXY TCP4 192.0.2.1  127.0.0.1 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 127.0.0.1 1 2\r\n", "PROXY TCP4 192.0.2.1 here 1 2\r\n",
        "PROXY TCP4 192.0.2.1 127.0.0.1 65536 2\r\n", "PROXY TCP4 192.0.2.1 127.0.0.1 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 127.0.0.1 1 x\r\n", "PROXY TCP4 192.0.2.1 127.0.0.1  \r\n", "PROXY UDP4 1 2 3 4\r\n",
        "PROXY \r\n", "PROXY\r\n"}) {
    EXPECT_FALSE(read_proxy_header(line)) << line;
  }
  EXPECT_FALSE(read_proxy_header("PROXY UNKNOWN " + std::string(100, 'x') + "\r\n"));
}

TEST(ProxyProtocol, EveryBeginningWantsMore) {
  const std::string values("\x04\x00\x01\x00\x20\x00\x05\x01\x00\x00\x00\x00", 12);
  for (const std::string& whole : {std::string("PROXY TCP4 192.0.2.1 127.0.0.1 56324 443\r\n"),
                                   binary('\x21', '\x11', kV4), binary('\x21', '\x11', kV4 + values)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto read = read_proxy_header(std::string_view(whole).substr(0, size));
      ASSERT_TRUE(read) << size;
      EXPECT_FALSE(*read) << size;
    }
    const auto read = header(whole + "GET");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->size, whole.size());
  }
}

TEST(ProxyProtocol, Binary) {
  const auto four = header(binary('\x21', '\x11', kV4));
  ASSERT_TRUE(four);
  EXPECT_EQ(four->address, "192.0.2.1");
  EXPECT_EQ(four->port, 56324);
  const std::string v6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" + std::string(16, '\0') +
                         std::string("\x00\x50\x01\xbb", 4);
  const auto six = header(binary('\x21', '\x21', v6));
  ASSERT_TRUE(six);
  EXPECT_EQ(six->address, "2001:db8::1");
  EXPECT_EQ(six->port, 80);
}

TEST(ProxyProtocol, BinaryOfNobodyInParticular) {
  for (const std::string& bytes : {binary('\x20', '\x11', kV4), binary('\x20', '\0', ""), binary('\x21', '\0', ""),
                                   binary('\x21', '\x31', std::string(216, '\0')), binary('\x21', '\x12', kV4)}) {
    const auto read = header(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->address, "");
    EXPECT_EQ(read->size, bytes.size());
  }
}

TEST(ProxyProtocol, TlsBeforeTheProxy) {
  const std::string noop("\x04\x00\x02\x00\x00", 5);
  const auto read = header(binary('\x21', '\x11', kV4 + noop + std::string("\x20\x00\x05\x01\x00\x00\x00\x00", 8)));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->secure);
  const auto plain = header(binary('\x21', '\x11', kV4 + std::string("\x20\x00\x05\x00\x00\x00\x00\x01", 8)));
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->secure);
}

TEST(ProxyProtocol, BinaryThatIsNone) {
  EXPECT_FALSE(read_proxy_header(binary('\x11', '\x11', kV4)));
  EXPECT_FALSE(read_proxy_header(binary('\x22', '\x11', kV4)));
  EXPECT_FALSE(read_proxy_header(binary('\x21', '\x11', kV4.substr(0, 11))));
  EXPECT_FALSE(read_proxy_header(binary('\x21', '\x11', kV4 + "\x04")));
  EXPECT_FALSE(read_proxy_header(binary('\x21', '\x11', kV4 + std::string("\x04\x00\x02\x00", 4))));
  EXPECT_FALSE(read_proxy_header(binary('\x21', '\x11', std::string(kMostProxyHeader, 'x'))));
}

}  // namespace
}  // namespace microtome::host
