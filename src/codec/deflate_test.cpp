// SPDX-License-Identifier: Apache-2.0
#include "codec/deflate.hpp"

#include <gtest/gtest.h>

namespace microtome::codec {
namespace {

Bytes text_of(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i % 251 ^ i / 1000);
  }
  return bytes;
}

TEST(Deflate, RoundTrips) {
  for (const auto wrapper : {Wrapper::raw, Wrapper::zlib, Wrapper::gzip}) {
    for (const std::size_t size : {0U, 1U, 1000U, 300000U}) {
      for (const int level : {0, 1, 6, 12}) {
        const Bytes data = text_of(size);
        const auto packed = deflate(data, wrapper, level);
        ASSERT_TRUE(packed);
        EXPECT_EQ(*inflate(*packed, wrapper, 1 << 20), data);
        EXPECT_EQ(*inflate(*packed, wrapper, 1 << 20, size), data);
        EXPECT_EQ(*inflate(*packed, wrapper, 1 << 20, 1), data) << "a wrong guess only costs time";
        Bytes out(size + 10);
        EXPECT_EQ(*inflate_into(*packed, wrapper, out), size);
      }
    }
  }
}

TEST(Deflate, LimitsAreKept) {
  const auto packed = deflate(Bytes(1 << 20), Wrapper::zlib);
  EXPECT_EQ(inflate(*packed, Wrapper::zlib, (1 << 20) - 1).error().code, Code::too_large);
  EXPECT_TRUE(inflate(*packed, Wrapper::zlib, 1 << 20));
  Bytes small(100);
  EXPECT_EQ(inflate_into(*packed, Wrapper::zlib, small).error().code, Code::too_large);
}

TEST(Deflate, BrokenIsCorrupt) {
  auto packed = *deflate(text_of(5000), Wrapper::zlib);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{7}, packed.size() - 1}) {
    EXPECT_EQ(inflate(ByteView(packed).first(size), Wrapper::zlib, 1 << 20).error().code, Code::corrupt);
  }
  packed.back() ^= 1;
  EXPECT_EQ(inflate(packed, Wrapper::zlib, 1 << 20).error().code, Code::corrupt) << "check sum";
  EXPECT_EQ(inflate(as_bytes("no gzip at all, no"), Wrapper::gzip, 1 << 20).error().code, Code::corrupt);
}

TEST(Deflate, GzipMembersAreJoinedAndPaddingIgnored) {
  Bytes two = *deflate(as_bytes("one "), Wrapper::gzip);
  const Bytes more = *deflate(as_bytes("two"), Wrapper::gzip);
  two.insert(two.end(), more.begin(), more.end());
  two.insert(two.end(), {0, 0, 0});
  EXPECT_EQ(as_text(*inflate(two, Wrapper::gzip, 100)), "one two");
}

TEST(Deflate, CheckSumIsTheUsualOne) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926U);
}

}  // namespace
}  // namespace microtome::codec
