// SPDX-License-Identifier: Apache-2.0
// Files that lie, end early, change or vanish: an error with a short message, never a crash, a hang or a big
// allocation.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <string>

#include "image/picture.hpp"
#include "image/tiff_for_test.hpp"

namespace microtome::image {
namespace {

using test::field;
using test::Layout;
using test::tiled;

constexpr auto kYcbcr = PHOTOMETRIC_YCBCR;

class BrokenTiff : public testing::Test {
 protected:
  static Result<PicturePtr> open(const Bytes& bytes) {
    auto file = test::in_memory(bytes);
    return file ? open_picture(*file, {}) : pass(file.error());
  }
  static Code open_code(const Bytes& bytes) {
    const auto picture = open(bytes);
    if (!picture) {
      EXPECT_EQ(picture.error().message.find('/'), std::string::npos) << picture.error().message;
    }
    return picture ? Code::cancelled : picture.error().code;
  }
  // Asks for everything a client can ask for. Whatever comes back, it comes back.
  static void exercise(const Picture& picture) {
    for (int l = 0; l < static_cast<int>(picture.info().levels.size()); ++l) {
      const Level& level = picture.info().levels[l];
      for (std::int64_t y = 0; y < std::min<std::int64_t>(level.down(), 3); ++y) {
        for (std::int64_t x = 0; x < std::min<std::int64_t>(level.across(), 3); ++x) {
          const auto stored = picture.stored_tile(l, x, y, true);
          EXPECT_TRUE(!stored || *stored);
          const auto tile = picture.decode_tile(l, x, y, {});
          EXPECT_TRUE(!tile || tile->channels == picture.info().channels);
        }
      }
    }
    int reduction = 8;
    const pixel::Rect rect{0, 0, std::min<std::int64_t>(picture.info().width, 500),
                           std::min<std::int64_t>(picture.info().height, 500)};
    const auto region = picture.decode_region(0, rect, &reduction, {});
    EXPECT_TRUE(!region || region->width == (rect.width + reduction - 1) / reduction);
  }
  io::ScratchDir scratch;
};

TEST_F(BrokenTiff, headers_and_chains) {
  EXPECT_EQ(open_code({}), Code::unsupported);
  EXPECT_EQ(open_code({'I', 'I', 42, 0}), Code::unsupported);
  EXPECT_EQ(open_code({'I', 'I', 42, 0, 0, 0, 0, 0}), Code::corrupt);            // no directory
  EXPECT_EQ(open_code({'I', 'I', 42, 0, 255, 255, 255, 255}), Code::corrupt);    // far outside
  EXPECT_EQ(open_code({'I', 'I', 42, 0, 8, 0, 0, 0, 255, 255}), Code::corrupt);  // 65535 fields
  EXPECT_EQ(open_code({'I', 'I', 43, 0, 4, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0}), Code::corrupt);
  const Bytes big{'M', 'M', 0, 43, 0, 8, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255};
  EXPECT_EQ(open_code(big), Code::corrupt);
}

TEST_F(BrokenTiff, a_chain_that_loops_ends) {
  Layout layout;
  const auto data = layout.add(Bytes(256));
  const auto first = layout.add_directory(tiled(16, 16, 16, data, 256));
  layout.add_directory(tiled(16, 16, 16, data, 256));
  layout.link_to(first);
  const auto picture = open(layout.bytes());
  ASSERT_TRUE(picture);
  EXPECT_EQ((*picture)->info().levels.size(), 1U);

  Layout self;
  const auto only = self.add_directory(tiled(16, 16, 16, 8, 256));
  self.link_to(only);
  EXPECT_TRUE(open(self.bytes()));

  Layout children;
  auto fields = tiled(16, 16, 16, 8, 256);
  fields.push_back({330, 4, {8, 8, 8, 8}});  // SubIFDs that are the header, four times
  children.add_directory(fields);
  EXPECT_TRUE(open(children.bytes()));
}

TEST_F(BrokenTiff, a_directory_without_its_last_bytes_is_the_last) {
  Layout layout;
  const auto data = layout.add(Bytes(256));
  layout.add_directory(tiled(16, 16, 16, data, 256));
  Bytes cut = layout.bytes();
  cut.resize(cut.size() - 4);
  const auto picture = open(cut);
  ASSERT_TRUE(picture);
  EXPECT_TRUE((*picture)->decode_tile(0, 0, 0, {}));
  cut.pop_back();
  EXPECT_EQ(open_code(cut), Code::corrupt);
}

TEST_F(BrokenTiff, counts_and_offsets_that_cannot_be) {
  for (const bool big : {false, true}) {
    const auto with = [&](std::uint16_t tag, std::uint64_t count, std::int64_t at) {
      Layout layout(false, big);
      const auto data = layout.add(Bytes(256));
      auto fields = tiled(64, 64, 16, data, 256);
      field(fields, tag).count = count;
      field(fields, tag).at = at;
      layout.add_directory(fields);
      return layout.bytes();
    };
    EXPECT_EQ(open_code(with(324, 0x7fffffff, 8)), Code::corrupt);
    EXPECT_EQ(open_code(with(324, 16, 0x7fffffff)), Code::corrupt);
    EXPECT_EQ(open_code(with(325, 3, 8)), Code::corrupt);
    EXPECT_EQ(open_code(with(324, 15, 8)), Code::corrupt);
    if (big) {
      EXPECT_EQ(open_code(with(324, UINT64_MAX, 8)), Code::corrupt);
      EXPECT_EQ(open_code(with(324, UINT64_MAX / 4, 8)), Code::corrupt);
      EXPECT_EQ(open_code(with(324, 16, INT64_MAX)), Code::corrupt);
    }
  }
}

TEST_F(BrokenTiff, impossible_geometry) {
  const auto with = [&](std::uint16_t tag, std::uint64_t value) {
    Layout layout;
    const auto data = layout.add(Bytes(256));
    auto fields = tiled(16, 16, 16, data, 256);
    field(fields, tag).values = {value};
    layout.add_directory(fields);
    return open_code(layout.bytes());
  };
  EXPECT_EQ(with(256, 0), Code::corrupt);
  EXPECT_EQ(with(256, 0xffffffff), Code::corrupt);
  EXPECT_EQ(with(322, 0), Code::corrupt);
  EXPECT_EQ(with(323, 0), Code::corrupt);
  EXPECT_EQ(with(277, 0), Code::corrupt);
  EXPECT_EQ(with(277, 65535), Code::unsupported);
  EXPECT_EQ(with(258, 0), Code::unsupported);
  EXPECT_EQ(with(258, 65), Code::unsupported);
  EXPECT_EQ(with(259, 4711), Code::unsupported);
  EXPECT_EQ(with(262, 4711), Code::unsupported);
}

TEST_F(BrokenTiff, four_thousand_million_tiles_cost_no_memory) {
  Layout layout;
  auto fields = tiled(16, 16, 16, 8, 256);
  field(fields, 256).values = {1 << 20};
  field(fields, 257).values = {1 << 20};
  field(fields, 322).values = {16};
  field(fields, 323).values = {16};
  field(fields, 324).count = 0xffffffff;
  layout.add_directory(fields);
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_SELF, &before);
  EXPECT_EQ(open_code(layout.bytes()), Code::corrupt);
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 20'000);  // KiB

  // A sparse file can hold the arrays: then it opens, and still nothing is read but what is asked for.
  Layout big(false, true);
  auto huge = tiled(16, 16, 16, 8, 256);
  field(huge, 256).values = {65536 * 16};
  field(huge, 257).values = {65536 * 16};
  field(huge, 324).count = 1ULL << 32;
  field(huge, 324).at = 1 << 20;
  field(huge, 325).count = 1ULL << 32;
  field(huge, 325).at = 1 << 20;
  big.add_directory(huge);
  const std::string path = scratch.write("sparse.tif", big.bytes());
  std::error_code error;
  std::filesystem::resize_file(path, (1ULL << 34) + (2 << 20), error);
  if (!error) {
    const auto picture = test::open(path);
    ASSERT_TRUE(picture) << picture.error().context;
    const auto stored = (*picture)->stored_tile(0, 65535, 65535, true);
    ASSERT_TRUE(stored && *stored);
    EXPECT_TRUE((*stored)->empty);
    EXPECT_LT((*picture)->memory(), 100'000U);
  }
}

TEST_F(BrokenTiff, tiles_that_lie_outside_of_the_file) {
  Layout layout;
  const auto data = layout.add(Bytes(256));
  auto fields = tiled(48, 16, 16, data, 256);
  field(fields, 324).values = {data, 0x7fffff00, data};
  field(fields, 325).values = {256, 256, 0x7fffffff};
  layout.add_directory(fields);
  const auto picture = open(layout.bytes());
  ASSERT_TRUE(picture);
  EXPECT_TRUE((*picture)->decode_tile(0, 0, 0, {}));
  for (const int x : {1, 2}) {
    EXPECT_EQ((*picture)->stored_tile(0, x, 0, true).error().code, Code::corrupt);
    EXPECT_EQ((*picture)->decode_tile(0, x, 0, {}).error().code, Code::corrupt);
  }
}

TEST_F(BrokenTiff, tiles_that_are_too_short) {
  for (const int compression : {COMPRESSION_NONE, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_LZW, COMPRESSION_PACKBITS,
                                COMPRESSION_ZSTD, COMPRESSION_JPEG, COMPRESSION_WEBP}) {
    Layout layout;
    const auto data = layout.add(Bytes(20, 0x55));
    auto fields = tiled(256, 256, 256, data, 20);
    field(fields, 259).values = {static_cast<std::uint64_t>(compression)};
    if (compression == COMPRESSION_WEBP) {
      field(fields, 262).values = {2};
      field(fields, 277).values = {3};
      field(fields, 258).values = {8, 8, 8};
    }
    layout.add_directory(fields);
    const auto picture = open(layout.bytes());
    ASSERT_TRUE(picture) << compression;
    const auto stored = (*picture)->stored_tile(0, 0, 0, true);
    ASSERT_TRUE(stored && *stored);
    EXPECT_EQ((*stored)->stored, Stored::none) << compression;  // nonsense is not passed on
    EXPECT_EQ((*picture)->decode_tile(0, 0, 0, {}).error().code, Code::corrupt) << compression;
  }
}

TEST_F(BrokenTiff, truncated_anywhere) {
  const test::Made kinds[] = {
      {.width = 100, .height = 70, .compression = COMPRESSION_JPEG, .photometric = kYcbcr, .levels = 2},
      {.mode = "w8",
       .width = 100,
       .height = 70,
       .compression = COMPRESSION_ADOBE_DEFLATE,
       .predictor = 2,
       .levels = 2,
       .sub_ifds = true},
      {.width = 70, .height = 50, .tile = 0, .compression = COMPRESSION_LZW},
      {.width = 100, .height = 70, .compression = COMPRESSION_WEBP},
      {.width = 60, .height = 50, .samples = 1, .photometric = PHOTOMETRIC_PALETTE},
  };
  int opened = 0;
  for (const test::Made& made : kinds) {
    const Bytes whole = test::read_file(test::write(scratch, made));
    for (std::size_t size = 0; size < whole.size(); size += 7) {
      const auto picture = open(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      if (picture) {
        ++opened;
        exercise(**picture);
      }
    }
    // The directory in front of broken data: every byte changed once.
    for (std::size_t at = 0; at < whole.size(); at += 7) {
      Bytes changed = whole;
      changed[at] ^= 0xff;
      const auto picture = open(changed);
      if (picture) {
        ++opened;
        exercise(**picture);
      }
    }
  }
  EXPECT_GT(opened, 500);
}

TEST_F(BrokenTiff, a_file_cut_or_changed_while_open) {
  const std::string path =
      test::write(scratch, {.width = 640, .height = 640, .compression = COMPRESSION_JPEG, .photometric = kYcbcr});
  const auto picture = test::open(path);
  ASSERT_TRUE(picture);
  const auto id = (*picture)->id();
  ASSERT_TRUE((*picture)->decode_tile(0, 0, 0, {}));
  std::filesystem::resize_file(path, 200);
  const auto decoded = (*picture)->decode_tile(0, 9, 9, {});
  ASSERT_FALSE(decoded);
  EXPECT_TRUE(decoded.error().code == Code::corrupt || decoded.error().code == Code::io);
  EXPECT_FALSE((*picture)->stored_tile(0, 9, 9, true));
  EXPECT_NE(io::File::identify(path), id);  // which is how the engine finds out
  // Removed: what is open stays readable.
  const std::string other = test::write(scratch, {}, "other.tif");
  const auto kept = test::open(other);
  ASSERT_TRUE(kept);
  std::filesystem::remove(other);
  EXPECT_TRUE((*kept)->decode_tile(0, 1, 1, {}));
  EXPECT_EQ(test::open(other).error().code, Code::not_found);
}

TEST_F(BrokenTiff, blocks_nobody_has_memory_for) {
  // One strip of 40000 x 40000 pixels, and a tile of 65536 x 65536.
  Layout strips;
  strips.add_directory({{256, 4, {40000}},
                        {257, 4, {40000}},
                        {258, 3, {8}},
                        {259, 3, {5}},
                        {262, 3, {1}},
                        {273, 4, {8}},
                        {277, 3, {1}},
                        {278, 4, {40000}},
                        {279, 4, {64}}});
  EXPECT_EQ(open_code(strips.bytes()), Code::too_large);
  Layout tile;
  tile.add_directory(tiled(65535, 65535, 65535, 8, 64));
  EXPECT_EQ(open_code(tile.bytes()), Code::too_large);
  // Within the limits but far too few bytes for it: refused before memory is taken.
  Layout thin;
  thin.add_directory({{256, 4, {20000}},
                      {257, 4, {20000}},
                      {258, 3, {8}},
                      {259, 3, {8}},
                      {262, 3, {1}},
                      {273, 4, {8}},
                      {277, 3, {1}},
                      {278, 4, {20000}},
                      {279, 4, {64}}});
  const auto picture = open(thin.bytes());
  ASSERT_TRUE(picture);
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_SELF, &before);
  EXPECT_EQ((*picture)->decode_tile(0, 0, 0, {}).error().code, Code::corrupt);
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 50'000);  // KiB
}

}  // namespace
}  // namespace microtome::image
