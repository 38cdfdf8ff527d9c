// SPDX-License-Identifier: Apache-2.0
#include "engine/key.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <vector>

namespace microtome::engine {
namespace {

const io::FileId kFile{1, 2, 3, 4};

PixelRequest tile() {
  return {"/a", TileArea{1, 2, 3}, codec::Format::jpeg, std::nullopt};
}
PixelRequest region() {
  return {"/a", RegionArea{0, 1, 2, 3, 40, 50}, codec::Format::jpeg, std::nullopt};
}

TEST(Key, EqualRequestsShareOne) {
  EXPECT_EQ(key_of(kFile, tile(), {}), key_of(kFile, tile(), {}));
  PixelRequest other_path = tile();
  other_path.path = "/link/to/a";
  EXPECT_EQ(key_of(kFile, tile(), {}), key_of(kFile, other_path, {})) << "the file counts, not its name";
  PixelRequest minus = region();
  std::get<RegionArea>(minus.area).x = -0.0;
  EXPECT_EQ(key_of(kFile, region(), {}), key_of(kFile, minus, {}));
  PixelRequest spelled = region();
  spelled.quality = EngineOptions().jpeg_quality;
  EXPECT_EQ(key_of(kFile, region(), {}), key_of(kFile, spelled, {})) << "the default quality, asked for";
}

TEST(Key, EverythingThatChangesTheBytesChangesIt) {
  std::vector<std::pair<io::FileId, PixelRequest>> different;
  for (const io::FileId& id :
       {kFile, io::FileId{9, 2, 3, 4}, io::FileId{1, 9, 3, 4}, io::FileId{1, 2, 9, 4}, io::FileId{1, 2, 3, 9}}) {
    different.emplace_back(id, tile());
    different.emplace_back(id, region());
  }
  const std::vector<std::function<void(PixelRequest&)>> changes = {
      [](PixelRequest& r) { r.area = TileArea{2, 2, 3}; },
      [](PixelRequest& r) { r.area = TileArea{1, 3, 3}; },
      [](PixelRequest& r) { r.area = TileArea{1, 2, 4}; },
      [](PixelRequest& r) { r.format = codec::Format::webp; },
      [](PixelRequest& r) { r.quality = 75; },
      [](PixelRequest& r) { r.quality = 76; },
      [](PixelRequest& r) { r.area = RegionArea{0.5, 1, 2, 3, 40, 50}; },
      [](PixelRequest& r) { r.area = RegionArea{0, 1.5, 2, 3, 40, 50}; },
      [](PixelRequest& r) { r.area = RegionArea{0, 1, 2.5, 3, 40, 50}; },
      [](PixelRequest& r) { r.area = RegionArea{0, 1, 2, 3.5, 40, 50}; },
      [](PixelRequest& r) { r.area = RegionArea{0, 1, 2, 3, 41, 50}; },
      [](PixelRequest& r) { r.area = RegionArea{0, 1, 2, 3, 40, 51}; },
  };
  for (const auto& change : changes) {
    PixelRequest request = tile();
    change(request);
    different.emplace_back(kFile, request);
  }
  std::set<std::string> tags;
  for (const auto& [id, request] : different) {
    tags.insert(etag_of(key_of(id, request, {})));
  }
  EXPECT_EQ(tags.size(), different.size());
}

TEST(Key, OptionsThatChangeTheBytesChangeIt) {
  EngineOptions options;
  const Key before = key_of(kFile, region(), options);
  options.jpeg_quality = 60;
  EXPECT_NE(key_of(kFile, region(), options), before);
  EXPECT_NE(key_of(kFile, tile(), options), key_of(kFile, tile(), EngineOptions()));
  options = {};
  options.background = 0x101010;
  EXPECT_NE(key_of(kFile, region(), options), before);
}

TEST(Key, PngIsCompressedByLevel) {
  PixelRequest plain = region();
  plain.format = codec::Format::png;
  PixelRequest asked = plain;
  asked.quality = 1;
  EXPECT_EQ(key_of(kFile, plain, {}), key_of(kFile, asked, {}));
  asked.quality = 9;
  EXPECT_NE(key_of(kFile, plain, {}), key_of(kFile, asked, {}));
}

TEST(Key, TellsHowARegionIsScaled) {
  PixelRequest sampled = region();
  std::get<RegionArea>(sampled.area).sampling = Sampling::bilinear;
  PixelRequest nearest = region();
  std::get<RegionArea>(nearest.area).sampling = Sampling::nearest;
  const std::set<std::string> tags = {etag_of(key_of(kFile, region(), {})), etag_of(key_of(kFile, sampled, {})),
                                      etag_of(key_of(kFile, nearest, {}))};
  EXPECT_EQ(tags.size(), 3U);
}

TEST(ETag, IsQuotedText) {
  const std::string tag = etag_of({0x0123456789abcdefULL, 0xfedcba9876543210ULL});
  ASSERT_EQ(tag.size(), 28U);
  EXPECT_EQ(tag.front(), '"');
  EXPECT_EQ(tag.back(), '"');
  EXPECT_EQ(tag.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567", 1), 27U);
  // All bits count.
  std::set<std::string> tags = {tag};
  for (int bit = 0; bit < 64; ++bit) {
    tags.insert(etag_of({0x0123456789abcdefULL ^ (1ULL << bit), 0xfedcba9876543210ULL}));
    tags.insert(etag_of({0x0123456789abcdefULL, 0xfedcba9876543210ULL ^ (1ULL << bit)}));
  }
  EXPECT_EQ(tags.size(), 129U);
}

TEST(Quality, IsClampedAndDefaulted) {
  const EngineOptions options;
  EXPECT_EQ(effective_quality(codec::Format::jpeg, {}, options), options.jpeg_quality);
  EXPECT_EQ(effective_quality(codec::Format::jpeg, 0, options), 1);
  EXPECT_EQ(effective_quality(codec::Format::webp, 1000, options), 100);
  EXPECT_EQ(effective_quality(codec::Format::webp, -1, options), -1);
  EXPECT_EQ(effective_quality(codec::Format::jpeg, -1, options), options.jpeg_quality);
  EXPECT_EQ(effective_quality(codec::Format::png, {}, options), options.png_level);
  EXPECT_EQ(effective_quality(codec::Format::png, 50, options), 9);
  EXPECT_EQ(effective_quality(codec::Format::gif, 50, options), 0);
}

}  // namespace
}  // namespace microtome::engine
