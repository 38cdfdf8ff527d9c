// SPDX-License-Identifier: Apache-2.0
#include "engine/admission.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace microtome::engine {
namespace {

TEST(Admission, ParksWhatDoesNotFitUntilOthersLeave) {
  auto pool = std::make_unique<WorkPool>(WorkPoolOptions{.threads = 1});
  Admission admission(100, *pool);
  EXPECT_TRUE(admission.possible(100));
  EXPECT_FALSE(admission.possible(101));
  std::promise<void> ran;
  ASSERT_TRUE(admission.enter(70, WorkClass::tile, {}, {}));
  EXPECT_FALSE(admission.enter(50, WorkClass::tile, {}, [&](bool) {
    admission.leave(50);
    ran.set_value();
  }));
  EXPECT_EQ(admission.in_flight(), 70U);
  EXPECT_EQ(admission.parked(), 1U);
  ASSERT_TRUE(admission.enter(30, WorkClass::tile, {}, {})) << "a small one goes past";
  admission.leave(30);
  EXPECT_EQ(admission.parked(), 1U);
  admission.leave(70);
  ran.get_future().wait();
  pool.reset();  // the job may still be in leave()
  EXPECT_EQ(admission.parked(), 0U);
  EXPECT_EQ(admission.in_flight(), 0U);
}

TEST(Admission, ALargeOneIsNotOvertakenForEver) {
  auto pool = std::make_unique<WorkPool>(WorkPoolOptions{.threads = 1});
  Admission admission(100, *pool);
  std::atomic<int> small_ran{0};
  std::promise<int> large_ran;
  ASSERT_TRUE(admission.enter(10, WorkClass::tile, {}, {}));
  ASSERT_FALSE(admission.enter(100, WorkClass::exporting, {}, [&](bool) {
    large_ran.set_value(small_ran);
    admission.leave(100);
  }));
  int went_past = 0;
  while (admission.enter(10, WorkClass::tile, {}, [&](bool) {
    ++small_ran;
    admission.leave(10);
  })) {
    ++went_past;
    admission.leave(10);
    ASSERT_LT(went_past, 1000);
  }
  EXPECT_GT(went_past, 10);
  admission.leave(10);
  EXPECT_EQ(large_ran.get_future().get(), 0) << "before the small one that had to wait";
  pool.reset();
}

TEST(Admission, NeverHoldsMoreThanItsBytes) {
  auto pool = std::make_unique<WorkPool>(WorkPoolOptions{.threads = 4});
  Admission admission(1000, *pool);
  std::atomic<std::uint64_t> held{0};
  std::atomic<std::uint64_t> most{0};
  std::atomic<int> left{300};
  std::promise<void> done;
  const auto work = [&](std::uint64_t bytes) {
    const std::uint64_t now = held += bytes;
    std::uint64_t seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::yield();
    held -= bytes;
    admission.leave(bytes);
    if (--left == 0) {
      done.set_value();
    }
  };
  for (int i = 0; i < 300; ++i) {
    const auto bytes = static_cast<std::uint64_t>(50 + i * 37 % 900);
    ASSERT_TRUE(pool->submit(WorkClass::tile, {}, [&, bytes](bool) {
      if (admission.enter(bytes, WorkClass::tile, {}, [&, bytes](bool) { work(bytes); })) {
        work(bytes);
      }
    }));
  }
  done.get_future().wait();
  pool.reset();
  EXPECT_LE(most, 1000U);
  EXPECT_EQ(admission.in_flight(), 0U);
}

}  // namespace
}  // namespace microtome::engine
