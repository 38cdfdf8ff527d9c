// SPDX-License-Identifier: Apache-2.0
#include "engine/stored_quality.hpp"

#include <gtest/gtest.h>

#include "codec/jpeg.hpp"

namespace microtome::engine {
namespace {

TEST(StoredQuality, FindsWhatTheEncoderWasTold) {
  const pixel::Image image = pixel::Image::make(16, 16, 3, pixel::Colour::rgb);
  for (int quality = 20; quality <= 100; ++quality) {
    codec::JpegEncodeOptions options;
    options.quality = quality;
    const auto stream = codec::encode_jpeg(image, options);
    ASSERT_TRUE(stream);
    const auto found = stored_quality(*stream);
    ASSERT_TRUE(found) << quality;
    EXPECT_NEAR(*found, quality, quality == 100 ? 1 : 0);
    // The head alone tells it too, and no cut makes up another one.
    for (std::size_t size = 0; size < 700; size += 7) {
      const auto cut = stored_quality(ByteView(*stream).first(std::min(size, stream->size())));
      EXPECT_TRUE(!cut || *cut == *found);
    }
  }
}

TEST(StoredQuality, KnowsNothingOfOtherBytes) {
  EXPECT_FALSE(stored_quality({}));
  EXPECT_FALSE(stored_quality(as_bytes("GIF89a")));
  const Bytes no_tables = {0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 2, 3};
  EXPECT_FALSE(stored_quality(no_tables));
  const Bytes short_table = {0xFF, 0xD8, 0xFF, 0xDB, 0, 5, 0, 1, 1, 0xFF, 0xD9};
  EXPECT_FALSE(stored_quality(short_table));
  const Bytes zero_length = {0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0xFF, 0xDB};
  EXPECT_FALSE(stored_quality(zero_length));
}

}  // namespace
}  // namespace microtome::engine
