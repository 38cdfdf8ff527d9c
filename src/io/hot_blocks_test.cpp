// SPDX-License-Identifier: Apache-2.0
#include "io/hot_blocks.hpp"

#include <gtest/gtest.h>

namespace microtome::io {
namespace {

using Note = HotBlocks::Note;

TEST(HotBlocks, KnowsNothingAtFirst) {
  const HotBlocks blocks;
  for (const std::uint64_t block : {0ULL, 1ULL, 1023ULL, 1024ULL, 1ULL << 37}) {
    EXPECT_EQ(blocks.find(block), Note::none);
  }
}

TEST(HotBlocks, RemembersWhatWasFound) {
  HotBlocks blocks;
  blocks.note(0, true);
  blocks.note(7, false);
  blocks.note(1ULL << 37, true);
  EXPECT_EQ(blocks.find(7), Note::mixed);
  EXPECT_EQ(blocks.find(1ULL << 37), Note::hot);
  EXPECT_EQ(blocks.find(0), Note::none) << "displaced by a block of the same slot";
  blocks.note(7, true);
  EXPECT_EQ(blocks.find(7), Note::hot);
  EXPECT_EQ(blocks.find(7 + 1024), Note::none) << "a block of the same slot is another one";
}

}  // namespace
}  // namespace microtome::io
