// SPDX-License-Identifier: Apache-2.0
#include "base/outer_limits.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace microtome {
namespace {

constexpr std::uint64_t kMiB = 1U << 20;
constexpr MemoryShares kWanted{.cache = 64 * kMiB, .in_flight = 1024 * kMiB, .pictures = 64 * kMiB, .threads = 0};

class OuterLimitsTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "limits-" + std::to_string(getpid());
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

TEST_F(OuterLimitsTest, TheSmallestGroupOnTheWayUpCounts) {
  put("/proc/self/cgroup", "0::/user/me\n");
  put("/sys/fs/cgroup/user/me/memory.max", "max\n");
  put("/sys/fs/cgroup/user/memory.max", "268435456\n");
  put("/sys/fs/cgroup/user/me/pids.max", "20\n");
  put("/sys/fs/cgroup/user/cpu.max", "50000 100000\n");
  const OuterLimits limits = outer_limits(root_);
  EXPECT_EQ(limits.memory, 256 * kMiB);
  EXPECT_EQ(limits.memory_from, "cgroup");
  EXPECT_LE(limits.processes, 20U);
  EXPECT_DOUBLE_EQ(limits.cores, 0.5);
}

TEST_F(OuterLimitsTest, VersionOneWithoutALimitIsNone) {
  put("/proc/self/cgroup", "4:memory:/a\n3:pids:/a\n");
  put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(outer_limits(root_).memory_from, "machine");
  put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "134217728\n");
  EXPECT_EQ(outer_limits(root_).memory, 128 * kMiB);
}

TEST_F(OuterLimitsTest, WhatWasConfiguredCounts) {
  setenv("MICROTOME_MEMORY", "100", 1);
  const OuterLimits limits = outer_limits(root_);
  unsetenv("MICROTOME_MEMORY");
  EXPECT_EQ(limits.memory, 100 * kMiB);
  EXPECT_EQ(limits.memory_from, "MICROTOME_MEMORY");
}

TEST_F(OuterLimitsTest, PlentyChangesNothingLittleShrinksAll) {
  const MemoryShares plenty = shares_of({.memory = 64 * 1024 * kMiB, .memory_from = "", .cores = 4}, kWanted);
  EXPECT_EQ(plenty.cache, kWanted.cache);
  EXPECT_EQ(plenty.in_flight, kWanted.in_flight);
  EXPECT_EQ(plenty.threads, 4);
  const MemoryShares little = shares_of({.memory = 128 * kMiB, .memory_from = "", .cores = 16}, kWanted);
  EXPECT_LE(little.cache + little.in_flight + little.pictures, 64 * kMiB);
  EXPECT_EQ(little.threads, 4);
}

TEST_F(OuterLimitsTest, FewProcessesMakeFewThreadsButAskedOnesStay) {
  EXPECT_EQ(shares_of({.memory_from = "", .processes = 8, .cores = 16}, kWanted).threads, 2);
  MemoryShares asked = kWanted;
  asked.threads = 7;
  EXPECT_EQ(shares_of({.memory_from = "", .processes = 8, .cores = 16}, asked).threads, 7);
}

}  // namespace
}  // namespace microtome
