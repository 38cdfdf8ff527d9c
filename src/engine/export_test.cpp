// SPDX-License-Identifier: Apache-2.0
#include "engine/export.hpp"

#include <gtest/gtest.h>

#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "engine/fake_world.hpp"
#include "engine/plan.hpp"
#include "pixel/blit.hpp"

namespace microtome::engine {
namespace {

class Export : public testing::Test {
 protected:
  // The same rows, whole and in a stream.
  void same(const RegionArea& area) {
    const auto plan = plan_region(picture->info(), area);
    ASSERT_TRUE(plan);
    const auto whole = render_region(*picture, area, *plan, {1, 2, 3}, false, {});
    ASSERT_TRUE(whole);
    RegionStream stream(*picture, area, *plan, {1, 2, 3}, false);
    int row = 0;
    while (true) {
      auto rows = stream.next({});
      ASSERT_TRUE(rows);
      if (!*rows) {
        break;
      }
      ASSERT_GT((*rows)->height, 0);
      ASSERT_EQ((*rows)->width, area.out_width);
      ASSERT_LE(row + (*rows)->height, area.out_height);
      const pixel::Image expected = pixel::crop(*whole, {0, row, area.out_width, (*rows)->height});
      ASSERT_EQ((*rows)->data, expected.data) << "from row " << row;
      row += (*rows)->height;
    }
    EXPECT_EQ(row, area.out_height);
  }
  Bytes all(codec::Format format, const RegionArea& area) {
    const auto plan = plan_region(picture->info(), area);
    RegionExport made(picture, area, *plan, {format, 80, {0, 0, 0}, {}, false, codec::TiffCompression::deflate}, {},
                      nullptr);
    EXPECT_TRUE(made.prepare());
    length = made.length();
    Bytes out;
    pieces = 0;
    for (bool more = true; more; ++pieces) {
      const auto pulled = made.pull(out);
      EXPECT_TRUE(pulled);
      more = pulled && *pulled;
    }
    return out;
  }

  std::shared_ptr<FakePicture> picture = std::make_shared<FakePicture>(2100, 1500, 3);
  std::optional<std::uint64_t> length;
  int pieces = 0;
};

TEST_F(Export, StreamsAreTheRowsOfTheWhole) {
  same({0, 0, 2100, 1500, 2100, 1500});  // as stored
  same({0, 0, 2100, 1500, 1050, 750});   // a level as stored
  same({0, 0, 2100, 1500, 777, 555});    // between levels
  same({0, 0, 2100, 1500, 90, 64});      // beyond the coarsest level
  same({0, 0, 300, 200, 1200, 800});     // enlarged
  same({100.25, 33.75, 1700, 1300, 999, 1});
  same({-200, -300, 2600, 2200, 1300, 1100});  // beyond the edges
  same({-5000, -5000, 100, 100, 50, 600});     // nothing but background
}

TEST_F(Export, BandsOfAnyHeightGiveTheSame) {
  for (const int tile : {16, 64, 100, 1024}) {
    picture = std::make_shared<FakePicture>(700, 1100, 2, tile);
    same({0, 0, 700, 1100, 700, 1100});
    same({3, 5, 600, 1000, 411, 777});
  }
}

TEST_F(Export, JpegIsTheOneOfTheWholePicture) {
  const RegionArea area{0, 0, 2100, 1500, 2100, 1500};
  const auto plan = plan_region(picture->info(), area);
  const auto whole = render_region(*picture, area, *plan, {}, false, {});
  codec::JpegEncodeOptions options;
  options.quality = 80;
  EXPECT_EQ(all(codec::Format::jpeg, area), *codec::encode_jpeg(*whole, options));
  EXPECT_FALSE(length);
}

TEST_F(Export, PngComesInPieces) {
  const RegionArea area{0, 0, 2100, 1500, 2100, 1500};
  const auto plan = plan_region(picture->info(), area);
  const auto whole = render_region(*picture, area, *plan, {}, true, {});
  const auto read = codec::decode_png(all(codec::Format::png, area));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->data, whole->data);
  EXPECT_GT(pieces, 1);
}

TEST_F(Export, TiffSaysItsLengthBefore) {
  const Bytes tiff = all(codec::Format::tiff, {0, 0, 2100, 1500, 2100, 1500});
  ASSERT_TRUE(length);
  EXPECT_EQ(*length, tiff.size());
  EXPECT_EQ(tiff[0], 'I');
  EXPECT_GT(tiff.size(), 2100U * 1500 * 3);
  EXPECT_GT(pieces, 20);
}

TEST_F(Export, EndsWhenNobodyWaits) {
  CancelToken cancel;
  const RegionArea area{0, 0, 2100, 1500, 2100, 1500};
  const auto plan = plan_region(picture->info(), area);
  RegionExport made(picture, area, *plan, {codec::Format::tiff, 80, {}, {}, false, codec::TiffCompression::none},
                    cancel, nullptr);
  ASSERT_TRUE(made.prepare());
  Bytes out;
  ASSERT_TRUE(made.pull(out));
  const int decoded = picture->decoded;
  cancel.cancel();
  Result<bool> pulled = true;
  for (int i = 0; i < 100 && pulled && *pulled; ++i) {
    pulled = made.pull(out);
  }
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Code::cancelled);
  EXPECT_EQ(picture->decoded, decoded);
}

TEST_F(Export, WhatCannotBeReadIsAnErrorBeforeAnythingIsSent) {
  picture->error_ = Error{Code::corrupt, "broken", {}};
  const RegionArea area{0, 0, 2100, 1500, 2100, 1500};
  const auto plan = plan_region(picture->info(), area);
  RegionExport made(picture, area, *plan, {codec::Format::jpeg, 80, {}, {}, false, codec::TiffCompression::none}, {},
                    nullptr);
  const auto prepared = made.prepare();
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, Code::corrupt);
}

}  // namespace
}  // namespace microtome::engine
