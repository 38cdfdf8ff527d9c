// SPDX-License-Identifier: Apache-2.0
#include "host/deflate.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace microtome::host {
namespace {

std::string inflated(std::string_view bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 32), Z_OK);
  std::string out(1 << 22, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  (void)inflate(&stream, Z_SYNC_FLUSH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string text(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; out.size() < size; ++i) {
    out += std::to_string(i * i) + ' ';
  }
  return out;
}

TEST(Deflate, WhatIsFedCanBeReadAtOnce) {
  for (const Coding coding : {Coding::gzip, Coding::deflate}) {
    const auto deflater = Deflater::make(coding, -1);
    ASSERT_TRUE(deflater);
    std::string sent = deflater->feed("first ");
    EXPECT_EQ(inflated(sent), "first ");
    const std::string more = text(300'000);
    sent += deflater->feed(more);
    EXPECT_EQ(inflated(sent), "first " + more);
    sent += deflater->feed("");
    sent += deflater->finish();
    EXPECT_EQ(inflated(sent), "first " + more);
    const auto whole = compress(as_bytes(more), coding, 9);
    ASSERT_TRUE(whole);
    EXPECT_EQ(inflated(as_text(*whole)), more);
  }
  EXPECT_FALSE(Deflater::make(Coding::none, -1));
}

TEST(Deflate, TypesFitByTheirBeginning) {
  DeflateSettings settings;
  EXPECT_FALSE(type_is_compressed(settings, "text/plain"));
  settings.types =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"text/*", "application/json"});
  EXPECT_TRUE(type_is_compressed(settings, "Text/HTML; charset=utf-8"));
  EXPECT_TRUE(type_is_compressed(settings, "application/json"));
  EXPECT_FALSE(type_is_compressed(settings, "application/js"));
  EXPECT_FALSE(type_is_compressed(settings, ""));
}

TEST(Deflate, TagsAreEachCodingsOwn) {
  EXPECT_EQ(coded_etag("\"a\"", Coding::gzip), "\"a-gzip\"");
  EXPECT_EQ(coded_etag("W/\"a\"", Coding::deflate), "W/\"a-deflate\"");
  EXPECT_EQ(coded_etag("", Coding::gzip), "");
  EXPECT_EQ(uncoded_etags(R"("a-gzip", "b", W/"c-gzip", "d-deflate")", Coding::gzip), R"("a", W/"c")");
  EXPECT_EQ(uncoded_etags("*", Coding::gzip), "*");
  EXPECT_EQ(uncoded_etags("\"b\"", Coding::gzip), "\"\"");
}

}  // namespace
}  // namespace microtome::host
