// SPDX-License-Identifier: Apache-2.0
// The engine under many clients: shared work, cancellation, bounds, failures.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "engine/engine_fixture.hpp"
#include "engine/region.hpp"

namespace microtome::engine {
namespace {

class EngineLoadTest : public EngineFixture {
 protected:
  static std::uint64_t plan_bytes(const FakePicture& picture) {
    return plan_region(picture.info(), {100.5, 0, 700, 500, 350, 250})->memory_bytes;
  }
};

TEST_F(EngineLoadTest, AHundredThreadsAskOneDecodes) {
  const auto picture = world_.add("/a");
  start();
  std::vector<std::thread> threads;
  threads.reserve(100);
  std::atomic<int> good{0};
  const Gate gate;
  for (int i = 0; i < 100; ++i) {
    threads.emplace_back([&] {
      gate.wait();
      for (int tile_x = 0; tile_x < 3; ++tile_x) {
        good += bytes_of(render("/a", tile(0, tile_x, 0))) != nullptr ? 1 : 0;
      }
    });
  }
  gate.open();
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(good, 300);
  EXPECT_EQ(picture->decoded, 3);
  EXPECT_EQ(world_.opens, 1);
}

TEST_F(EngineLoadTest, WorkNotBegunWhoseClientsAreGoneIsDropped) {
  const auto picture = world_.add("/a");
  start();
  ASSERT_TRUE(engine_->open_now("/a"));
  Gate gate;
  hold_workers(gate);
  const CancelToken gone;
  std::vector<std::future<Result<Rendered>>> left;
  left.reserve(16);
  for (int x = 0; x < 3; ++x) {
    left.push_back(begin("/a", tile(0, x, 0), gone));
  }
  auto stays = begin("/a", tile(0, 0, 1));
  gone.cancel();
  gate.open();
  EXPECT_TRUE(stays.get());
  for (auto& future : left) {
    EXPECT_EQ(future.get().error().code, Code::cancelled);
  }
  EXPECT_EQ(picture->decoded, 1);
  EXPECT_EQ(engine_->metrics().cancelled, 3);
}

TEST_F(EngineLoadTest, SharedWorkGoesOnWhileOneClientWaits) {
  const auto picture = world_.add("/a");
  start();
  ASSERT_TRUE(engine_->open_now("/a"));
  Gate begun;
  Gate gate;
  picture->on_decode = [&](const CancelToken& cancel) {
    begun.open();
    gate.wait();
    EXPECT_FALSE(cancel.cancelled()) << "one of the two still waits";
  };
  const CancelToken gone;
  auto first = begin("/a", tile(0, 0, 0), gone);
  begun.wait();
  auto second = begin("/a", tile(0, 0, 0));
  gone.cancel();
  gate.open();
  EXPECT_TRUE(second.get());
  static_cast<void>(first.get());
  EXPECT_EQ(picture->decoded, 1);
  EXPECT_EQ(engine_->metrics().joined, 1);
}

TEST_F(EngineLoadTest, ALateClientIsNeverToldOfAnothersCancellation) {
  const auto picture = world_.add("/a");
  start();
  ASSERT_TRUE(engine_->open_now("/a"));
  const CancelToken gone;
  Gate begun;
  Gate gave_up;
  Gate joined;
  std::atomic<int> round{0};
  picture->on_decode = [&](const CancelToken& cancel) {
    if (round++ == 0) {
      begun.open();
      while (!cancel.cancelled()) {
        std::this_thread::yield();
      }
      picture->error_ = Error{Code::cancelled, "everybody has gone", {}};  // so it seems to this decoder
      gave_up.open();
      joined.wait();
    } else {
      picture->error_.reset();
    }
  };
  auto first = begin("/a", tile(0, 0, 0), gone);
  begun.wait();
  gone.cancel();
  gave_up.wait();
  auto late = begin("/a", tile(0, 0, 0));
  joined.open();
  EXPECT_EQ(first.get().error().code, Code::cancelled);
  EXPECT_TRUE(bytes_of(late.get()));
  EXPECT_EQ(picture->decoded, 2);
}

TEST_F(EngineLoadTest, AFullQueueRefusesAtOnce) {
  world_.add("/a");
  start({}, {.threads = 1, .max_tiles = 2});
  ASSERT_TRUE(engine_->open_now("/a"));
  Gate gate;
  hold_workers(gate);
  const CancelToken gone;
  auto one = begin("/a", tile(0, 0, 0), gone);
  auto two = begin("/a", tile(0, 1, 0));
  auto three = begin("/a", tile(0, 2, 0));
  ASSERT_TRUE(ready(three));
  EXPECT_EQ(three.get().error().code, Code::overloaded);
  EXPECT_EQ(engine_->metrics().overloaded, 1);
  auto joins = begin("/a", tile(0, 1, 0));
  EXPECT_FALSE(ready(joins)) << "equal work takes no place in the queue";
  gone.cancel();
  auto four = begin("/a", tile(0, 2, 0));
  EXPECT_FALSE(ready(four)) << "the place of the one who has gone";
  ASSERT_TRUE(ready(one));
  EXPECT_EQ(one.get().error().code, Code::cancelled);
  gate.open();
  EXPECT_TRUE(two.get());
  EXPECT_TRUE(four.get());
  EXPECT_TRUE(joins.get());
}

TEST_F(EngineLoadTest, OpeningsAreRefusedByAFullQueueToo) {
  world_.add("/a");
  start({}, {.threads = 1, .max_tiles = 1});
  Gate gate;
  hold_workers(gate);
  auto one = begin("/a", tile(0, 0, 0));
  world_.add("/b");
  auto two = begin("/b", tile(0, 0, 0));
  ASSERT_TRUE(ready(two));
  EXPECT_EQ(two.get().error().code, Code::overloaded);
  gate.open();
  EXPECT_TRUE(one.get());
  EXPECT_TRUE(render("/b", tile(0, 0, 0))) << "being refused is not remembered";
}

TEST_F(EngineLoadTest, DecodedPixelsStayWithinTheirBytes) {
  auto picture = std::make_shared<FakePicture>(8000, 8000, 1, 256);
  world_.add("/a", picture);
  const std::uint64_t one = plan_bytes(*picture);
  start({.cache_bytes = 0, .max_memory_in_flight = 2 * one}, {.threads = 4});
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  picture->on_decode = [&](const CancelToken&) {
    const int now = ++running;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    --running;
  };
  std::vector<std::future<Result<Rendered>>> all;
  all.reserve(16);
  for (int i = 0; i < 16; ++i) {
    all.push_back(begin("/a", region(100.5 + i, 0, 700, 500, 350, 250)));
  }
  for (auto& future : all) {
    EXPECT_TRUE(future.get());
  }
  EXPECT_LE(most, 2);
  EXPECT_EQ(engine_->metrics().memory_in_flight, 0);
  EXPECT_EQ(render("/a", region(0, 0, 8000, 8000, 4000, 4000)).error().code, Code::too_large);
}

TEST_F(EngineLoadTest, ABrokenTileIsDecodedOncePerInterval) {
  const auto picture = world_.add("/a");
  picture->error_ = Error{Code::corrupt, "broken picture", "/a: at 17"};
  start({.revalidate_ms = 100});
  for (int i = 0; i < 10; ++i) {
    const auto result = render("/a", tile(0, 0, 0));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::corrupt);
    EXPECT_EQ(result.error().message, "broken picture");
  }
  EXPECT_EQ(picture->decoded, 1);
  picture->error_.reset();
  world_.advance_ms(101);
  EXPECT_TRUE(render("/a", tile(0, 0, 0)));
}

TEST_F(EngineLoadTest, AFailedReadMakesItLookAtTheFileAgain) {
  const auto picture = world_.add("/a");
  picture->error_ = Error{Code::io, "cannot read", "/a"};
  start({.revalidate_ms = 1'000'000});
  EXPECT_FALSE(render("/a", tile(0, 0, 0)));
  const auto mended = world_.add("/a");
  EXPECT_TRUE(render("/a", tile(0, 0, 0))) << "without waiting for the interval";
  EXPECT_EQ(mended->decoded, 1);
}

TEST_F(EngineLoadTest, ExportsDoNotHoldUpTiles) {
  auto picture = std::make_shared<FakePicture>(3000, 3000, 1);
  world_.add("/a", picture);
  start({}, {.threads = 2});
  Gate gate;
  std::vector<std::future<Result<Rendered>>> exports;
  exports.reserve(16);
  std::atomic<int> waiting{0};
  picture->on_decode = [&](const CancelToken&) {
    if (waiting.fetch_add(1) == 0) {
      gate.wait();  // the first export
    }
  };
  for (int i = 0; i < 3; ++i) {
    exports.push_back(begin("/a", region(0.5 + i, 0, 2900, 2900, 2800, 2800)));
  }
  while (waiting == 0) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(render("/a", tile(0, 0, 0))) << "while an export runs and others wait";
  EXPECT_EQ(engine_->metrics().queued_exports, 2);
  gate.open();
  for (auto& future : exports) {
    EXPECT_TRUE(future.get());
  }
}

TEST_F(EngineLoadTest, EverybodyIsAnsweredInAStorm) {
  for (int i = 0; i < 20; ++i) {
    world_.add("/" + std::to_string(i), std::make_shared<FakePicture>(600, 400, 2, 64));
  }
  start({.cache_bytes = 100'000, .max_open_files = 5, .revalidate_ms = 1, .max_memory_in_flight = 1'000'000},
        {.threads = 3, .max_tiles = 20});
  std::vector<std::thread> threads;
  threads.reserve(100);
  std::atomic<int> answered{0};
  std::atomic<int> wrong{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      unsigned random = static_cast<unsigned>(t) * 7919U + 1;
      std::vector<std::pair<CancelToken, std::future<Result<Rendered>>>> open;
      open.reserve(150);
      for (int i = 0; i < 150; ++i) {
        random = random * 1664525U + 1013904223U;
        const std::string path = "/" + std::to_string(random / 65536 % 20);
        const CancelToken token;
        const PixelRequest request =
            random % 3 == 0 ? region(random % 50, 0, 300, 200, 60, 40) : tile(0, random / 256 % 5, random / 1024 % 5);
        open.emplace_back(token, begin(path, request, token));
        if (random / 128 % 4 == 0) {
          token.cancel();
        }
        world_.now_ns += 100'000;
      }
      for (auto& [token, future] : open) {
        const auto result = future.get();
        ++answered;
        const bool excused = !result && (result.error().code == Code::overloaded ||
                                         (result.error().code == Code::cancelled && token.cancelled()));
        wrong += result || excused ? 0 : 1;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(answered, 900);
  EXPECT_EQ(wrong, 0);
  const Metrics metrics = engine_->metrics();
  EXPECT_LE(metrics.cache_bytes, 100'000);
  EXPECT_LE(metrics.open_pictures, 5);
  EXPECT_EQ(metrics.memory_in_flight, 0);
}

}  // namespace
}  // namespace microtome::engine
