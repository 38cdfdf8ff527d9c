// SPDX-License-Identifier: Apache-2.0
#include "engine/world.hpp"

#include <gtest/gtest.h>

#include "io/scratch_dir.hpp"

namespace microtome::engine {
namespace {

TEST(World, SeesFilesComeChangeAndGo) {
  const io::ScratchDir scratch;
  const World world = real_world({});
  const std::string path = scratch.path("x");
  const auto absent = world.identify_cached(path);
  EXPECT_TRUE(!absent || !*absent);
  scratch.write("x", "abc");
  const auto seen = world.identify(path);
  ASSERT_TRUE(seen);
  if (const auto cached = world.identify_cached(path)) {  // where the kernel has openat2 with RESOLVE_CACHED
    ASSERT_TRUE(*cached);
    EXPECT_EQ(**cached, *seen);
  }
  scratch.write("x", "abcd");
  EXPECT_NE(world.identify(path).value(), *seen);
  const std::int64_t before = world.now_ns();
  EXPECT_LE(before, world.now_ns());
}

}  // namespace
}  // namespace microtome::engine
