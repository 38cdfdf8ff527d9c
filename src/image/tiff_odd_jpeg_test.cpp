// SPDX-License-Identifier: Apache-2.0
// JPEG tiles as different writers leave them, mixed in one level: what can pass does, right, and the rest is decoded.
#include <gtest/gtest.h>

#include "codec/jpeg.hpp"
#include "image/picture.hpp"
#include "image/tiff_for_test.hpp"

namespace microtome::image {
namespace {

using test::field;
using test::Layout;
using test::tiled;

class OddJpegTiles : public testing::Test {
 protected:
  static Bytes encode(int width, int height, codec::Subsampling sampling, int channels = 3) {
    pixel::Image image =
        pixel::Image::make(width, height, channels, channels == 3 ? pixel::Colour::rgb : pixel::Colour::grey);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width * channels; ++x) {
        image.row(y)[x] = static_cast<std::uint8_t>(x * 2 + y * 3);
      }
    }
    return *codec::encode_jpeg(image, {.quality = 90, .subsampling = sampling});
  }
  static Result<PicturePtr> open_with(const std::vector<Bytes>& tiles, std::uint64_t height = 64) {
    Layout layout;
    auto fields = tiled(64 * tiles.size(), height, 64, 0, 0);
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      field(fields, 324).values[i] = tiles[i].empty() ? 0 : layout.add(tiles[i]);
      field(fields, 325).values[i] = tiles[i].size();
    }
    field(fields, 259).values = {7};
    field(fields, 262).values = {6};
    field(fields, 277).values = {3};
    field(fields, 258).values = {8, 8, 8};
    layout.add_directory(fields);
    auto file = test::in_memory(layout.bytes());
    return file ? open_picture(*file, {}) : pass(file.error());
  }
};

TEST_F(OddJpegTiles, differ_in_sampling_size_and_end) {
  Bytes no_end = encode(64, 64, codec::Subsampling::s420);
  no_end.resize(no_end.size() - 2);
  const std::vector<Bytes> tiles = {
      encode(64, 64, codec::Subsampling::s444),     // 0
      encode(64, 64, codec::Subsampling::s420),     // 1
      no_end,                                       // 2
      {},                                           // 3: not stored
      encode(32, 64, codec::Subsampling::s444),     // 4: smaller than its tile
      encode(64, 64, codec::Subsampling::s444, 1),  // 5: grey among colours
      encode(128, 64, codec::Subsampling::s444),    // 6: larger than its tile
      encode(64, 48, codec::Subsampling::s444),     // 7: as high as what is visible
  };
  const auto picture = open_with(tiles, 48);
  ASSERT_TRUE(picture) << picture.error().context;
  const auto stored = [&](int x) { return **(*picture)->stored_tile(0, x, 0, true); };
  for (const int x : {0, 1, 2, 7, 0, 1, 2, 7}) {
    EXPECT_EQ(stored(x).stored, Stored::jpeg) << x;
    const auto image = codec::decode_jpeg(test::joined(stored(x)));
    ASSERT_TRUE(image) << x;
    EXPECT_EQ(image->width, stored(x).width);
    EXPECT_EQ(image->height, stored(x).height);
    const auto decoded = (*picture)->decode_tile(0, x, 0, {});
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(std::equal(decoded->data.begin(), decoded->data.end(), image->data.begin())) << x;
  }
  EXPECT_EQ(stored(0).suffix, nullptr);
  ASSERT_TRUE(stored(2).suffix);
  EXPECT_EQ(*stored(2).suffix, (Bytes{0xff, 0xd9}));
  EXPECT_EQ(stored(7).height, 48);
  EXPECT_FALSE(stored(7).clipped());
  EXPECT_TRUE(stored(0).clipped());
  EXPECT_TRUE(stored(3).empty);
  EXPECT_EQ(stored(3).stored, Stored::none);
  const auto background = (*picture)->decode_tile(0, 3, 0, {});
  ASSERT_TRUE(background);
  EXPECT_EQ(std::ranges::count(background->data, 255), 64 * 48 * 3);
  for (const int x : {4, 5, 6}) {
    EXPECT_EQ(stored(x).stored, Stored::none) << x;
  }
  EXPECT_EQ((*picture)->decode_tile(0, 4, 0, {})->width, 64);  // filled up
  EXPECT_EQ((*picture)->decode_tile(0, 5, 0, {})->channels, 3);
  EXPECT_EQ((*picture)->decode_tile(0, 6, 0, {}).error().code, Code::too_large);
}

}  // namespace
}  // namespace microtome::image
