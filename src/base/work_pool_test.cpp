// SPDX-License-Identifier: Apache-2.0
#include "base/work_pool.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <string>

namespace microtome {
namespace {

// The nice value of the thread that runs a job of this kind.
int niceness(WorkPool& pool, WorkClass work) {
  std::promise<int> seen;
  EXPECT_TRUE(
      pool.submit(work, {}, [&](bool) { seen.set_value(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()))); }));
  return seen.get_future().get();
}

TEST(WorkPool, RunsExportsWithLowerPriority) {
  WorkPool pool({.threads = 2});
  const int tile = niceness(pool, WorkClass::tile);
  EXPECT_EQ(niceness(pool, WorkClass::exporting), std::min(19, tile + 10));
  EXPECT_EQ(niceness(pool, WorkClass::tile), tile);
}

TEST(WorkPool, RefusesWhenItsQueueIsFull) {
  std::promise<void> started;  // before the pool, whose destructor waits for the jobs that use them
  std::promise<void> gate;
  WorkPool pool({.threads = 1, .max_tiles = 1});
  ASSERT_TRUE(pool.submit(WorkClass::tile, {}, [&](bool) {
    started.set_value();
    gate.get_future().wait();
  }));
  started.get_future().wait();
  ASSERT_TRUE(pool.submit(WorkClass::tile, {}, [](bool) {}));
  const auto refused = pool.submit(WorkClass::tile, {}, [](bool) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  gate.set_value();
}

TEST(WorkPool, TellsACancelledJobSo) {
  WorkPool pool({.threads = 1});
  const CancelToken token;
  token.cancel();
  std::promise<bool> seen;
  ASSERT_TRUE(pool.submit(WorkClass::tile, token, [&](bool cancelled) { seen.set_value(cancelled); }));
  EXPECT_TRUE(seen.get_future().get());
}

TEST(WorkPool, FullQueueLosesCancelledJobsFirst) {
  std::promise<void> started;
  std::promise<void> gate;
  WorkPool pool({.threads = 1, .max_tiles = 2});
  ASSERT_TRUE(pool.submit(WorkClass::tile, {}, [&](bool) {
    started.set_value();
    gate.get_future().wait();
  }));
  started.get_future().wait();
  const CancelToken gone;
  bool told = false;
  std::string order;
  ASSERT_TRUE(pool.submit(WorkClass::tile, gone, [&](bool cancelled) { told = cancelled; }));
  ASSERT_TRUE(pool.submit(WorkClass::tile, {}, [&](bool) { order += 'a'; }));
  gone.cancel();
  std::promise<void> done;
  ASSERT_TRUE(pool.submit(WorkClass::tile, {}, [&](bool) {
    order += 'b';
    done.set_value();
  }));
  EXPECT_TRUE(told);  // on this thread, before submit returned
  EXPECT_EQ(pool.queued(WorkClass::tile), 2U);
  gate.set_value();
  done.get_future().wait();
  EXPECT_EQ(order, "ab");
}

TEST(WorkPool, PutsBackInFrontEvenWhenFull) {
  std::promise<void> started;  // before the pool, whose destructor waits for the jobs that use them
  std::promise<void> gate;
  WorkPool pool({.threads = 1, .max_tiles = 1});
  std::promise<void> done;
  std::string order;
  ASSERT_TRUE(pool.submit(WorkClass::tile, {}, [&](bool) {
    started.set_value();
    gate.get_future().wait();
  }));
  started.get_future().wait();
  ASSERT_TRUE(pool.submit(WorkClass::tile, {}, [&](bool) {
    order += 'b';
    done.set_value();
  }));
  pool.put_back(WorkClass::tile, {}, [&](bool) { order += 'a'; });
  gate.set_value();
  done.get_future().wait();
  EXPECT_EQ(order, "ab");
}

TEST(CancelToken, FollowsItsProbe) {
  const CancelToken first;
  const CancelToken both = CancelToken::following([first] { return first.cancelled(); });
  EXPECT_FALSE(both.cancelled());
  first.cancel();
  EXPECT_TRUE(both.cancelled());
  const CancelToken own = CancelToken::following([] { return false; });
  own.cancel();
  EXPECT_TRUE(own.cancelled());
}

TEST(WorkPool, LeavesAThreadForTilesWhileExportsRun) {
  WorkPool pool({.threads = 2});
  std::promise<void> gate;
  auto opened = gate.get_future().share();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(pool.submit(WorkClass::exporting, {}, [opened](bool) { opened.wait(); }));
  }
  std::promise<void> tile;
  ASSERT_TRUE(pool.submit(WorkClass::tile, {}, [&](bool) { tile.set_value(); }));
  EXPECT_EQ(tile.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  gate.set_value();
}

}  // namespace
}  // namespace microtome
