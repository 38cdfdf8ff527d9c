// SPDX-License-Identifier: Apache-2.0
#include "engine/open_pictures.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include "engine/fake_world.hpp"

namespace microtome::engine {
namespace {

class OpenPicturesTest : public testing::Test {
 protected:
  OpenPictures make(OpenPicturesOptions options = {}) { return {options, pool_, world_.world()}; }
  static bool holds(OpenPictures& pictures, const std::string& path) { return pictures.find(path).has_value(); }

  FakeWorld world_;
  WorkPool pool_{{.threads = 2}};
};

TEST_F(OpenPicturesTest, OpensOnceAndThenFinds) {
  const auto picture = world_.add("/a");
  OpenPictures pictures = make();
  EXPECT_FALSE(holds(pictures, "/a"));
  ASSERT_EQ(pictures.open_now("/a").value(), picture);
  ASSERT_TRUE(holds(pictures, "/a"));
  EXPECT_EQ(pictures.find("/a")->value(), picture);
  EXPECT_EQ(world_.opens, 1);
  EXPECT_EQ(world_.looks, 0);
  EXPECT_EQ(pictures.count(), 1U);
  EXPECT_EQ(pictures.bytes(), 1000U);
}

TEST_F(OpenPicturesTest, LooksAgainAtMostEveryInterval) {
  const auto picture = world_.add("/a");
  OpenPictures pictures = make({.revalidate_ms = 100});
  ASSERT_TRUE(pictures.open_now("/a"));
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(holds(pictures, "/a"));
  }
  EXPECT_EQ(world_.looks, 0);
  world_.advance_ms(101);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(holds(pictures, "/a"));
  }
  EXPECT_EQ(world_.looks, 1);
  EXPECT_EQ(world_.opens, 1);
}

TEST_F(OpenPicturesTest, AChangedFileIsOpenedAnew) {
  const auto before = world_.add("/a");
  OpenPictures pictures = make({.revalidate_ms = 100});
  ASSERT_EQ(pictures.open_now("/a").value(), before);
  const auto after = world_.add("/a");
  EXPECT_EQ(pictures.find("/a")->value(), before) << "not looked at yet";
  world_.advance_ms(101);
  EXPECT_FALSE(holds(pictures, "/a"));
  EXPECT_EQ(before.use_count(), 1) << "nothing holds the old one open";
  EXPECT_EQ(pictures.open_now("/a").value(), after);
  EXPECT_EQ(pictures.count(), 1U);
}

TEST_F(OpenPicturesTest, AVanishedFileIsDroppedAndRemembered) {
  world_.add("/a");
  OpenPictures pictures = make({.revalidate_ms = 100});
  ASSERT_TRUE(pictures.open_now("/a"));
  world_.remove("/a");
  world_.advance_ms(101);
  const auto gone = pictures.find("/a");
  ASSERT_TRUE(gone);
  ASSERT_FALSE(*gone);
  EXPECT_EQ(gone->error().code, Code::not_found);
  EXPECT_EQ(pictures.count(), 0U);
  EXPECT_FALSE(pictures.open_now("/a"));
  EXPECT_EQ(world_.opens, 1) << "not tried again at once";
  world_.add("/a");
  world_.advance_ms(101);
  EXPECT_TRUE(pictures.open_now("/a"));
}

TEST_F(OpenPicturesTest, ABrokenFileIsTriedOncePerInterval) {
  world_.add("/a");
  world_.broken["/a"] = true;
  OpenPictures pictures = make({.revalidate_ms = 100});
  for (int i = 0; i < 10; ++i) {
    const auto result = pictures.open_now("/a");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::corrupt);
  }
  EXPECT_EQ(world_.opens, 1);
  world_.advance_ms(101);
  EXPECT_FALSE(pictures.open_now("/a"));
  EXPECT_EQ(world_.opens, 2);
}

TEST_F(OpenPicturesTest, AskingTheKernelWithoutBlockingMayFail) {
  const auto picture = world_.add("/a");
  world_.cached = false;
  OpenPictures pictures = make({.revalidate_ms = 100});
  ASSERT_TRUE(pictures.open_now("/a"));
  world_.advance_ms(101);
  EXPECT_FALSE(holds(pictures, "/a")) << "a worker has to look";
  EXPECT_EQ(pictures.open_now("/a").value(), picture);
  EXPECT_EQ(world_.opens, 1) << "it had not changed";
  EXPECT_TRUE(holds(pictures, "/a"));
}

TEST_F(OpenPicturesTest, KeepsWithinItsFilesAndBytes) {
  for (int i = 0; i < 100; ++i) {
    auto picture = std::make_shared<FakePicture>(10, 10, 1);
    picture->memory_ = static_cast<std::size_t>(100 + i % 7 * 100);
    world_.add("/" + std::to_string(i), picture);
  }
  OpenPictures few = make({.max_bytes = 1 << 20, .max_files = 10});
  OpenPictures small = make({.max_bytes = 5000, .max_files = 1000});
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(few.open_now("/" + std::to_string(i)));
    ASSERT_TRUE(small.open_now("/" + std::to_string(i)));
    ASSERT_LE(few.count(), 10U);
    ASSERT_LE(small.bytes(), 5000U);
  }
  EXPECT_EQ(few.count(), 10U);
  EXPECT_GE(small.bytes(), 4000U);
  EXPECT_TRUE(holds(few, "/99"));
  EXPECT_FALSE(holds(few, "/1"));
}

TEST_F(OpenPicturesTest, WhatIsUsedStays) {
  for (int i = 0; i < 100; ++i) {
    world_.add("/" + std::to_string(i));
  }
  OpenPictures pictures = make({.max_files = 10});
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pictures.open_now("/" + std::to_string(i)));
    ASSERT_TRUE(holds(pictures, "/0"));
  }
  EXPECT_EQ(world_.opens, 100);
}

TEST_F(OpenPicturesTest, GrowthIsNoticed) {
  const auto growing = world_.add("/a");
  world_.add("/b");
  OpenPictures pictures = make({.max_bytes = 5000, .revalidate_ms = 100});
  ASSERT_TRUE(pictures.open_now("/b"));
  ASSERT_TRUE(pictures.open_now("/a"));
  growing->memory_ = 4500;
  world_.advance_ms(101);
  EXPECT_TRUE(holds(pictures, "/a"));
  EXPECT_EQ(pictures.bytes(), 4500U);
  EXPECT_EQ(pictures.count(), 1U) << "the other one made room";
  growing->memory_ = 50'000;
  world_.advance_ms(101);
  EXPECT_TRUE(holds(pictures, "/a")) << "one that is larger than all is kept alone";
}

TEST_F(OpenPicturesTest, GrowthIsNoticedBeforeAnotherIsOpened) {
  const auto growing = world_.add("/a");
  world_.add("/b");
  OpenPictures pictures = make({.max_bytes = 5000});
  ASSERT_TRUE(pictures.open_now("/a"));
  growing->memory_ = 4500;
  ASSERT_TRUE(pictures.open_now("/b"));
  EXPECT_EQ(pictures.bytes(), 1000U);
  EXPECT_FALSE(holds(pictures, "/a"));
}

TEST_F(OpenPicturesTest, ManyOpenersShareOneOpening) {
  const auto picture = world_.add("/a");
  const Gate gate;
  world_.on_open = [gate] { gate.wait(); };
  OpenPictures pictures = make();
  std::atomic<int> got{0};
  std::vector<std::thread> threads;
  threads.reserve(100);
  std::vector<std::promise<void>> promises(20);
  for (int i = 0; i < 10; ++i) {
    threads.emplace_back([&] { got += pictures.open_now("/a").value() == picture ? 1 : 0; });
  }
  for (auto& promise : promises) {
    pictures.open("/a", {}, nullptr, [&](const Result<image::PicturePtr>& result) {
      got += *result == picture ? 1 : 0;
      promise.set_value();
    });
  }
  gate.open();
  for (auto& thread : threads) {
    thread.join();
  }
  for (auto& promise : promises) {
    promise.get_future().wait();
  }
  EXPECT_EQ(got, 30);
  EXPECT_EQ(world_.opens, 1);
}

TEST_F(OpenPicturesTest, AllWorkersMayWaitForTheSameOpeningAtOnce) {
  world_.add("/a");
  OpenPictures pictures = make();
  const Gate gate;
  std::promise<void> both[2];
  std::atomic<int> got{0};
  // The opening is queued behind two jobs that want the same picture now: they must not wait for it.
  for (auto& promise : both) {
    ASSERT_TRUE(pool_.submit(WorkClass::tile, {}, [&, gate](bool) {
      gate.wait();
      got += pictures.open_now("/a") ? 1 : 0;
      promise.set_value();
    }));
  }
  std::promise<void> queued;
  pictures.open("/a", {}, nullptr, [&](const auto& result) {
    got += result ? 1 : 0;
    queued.set_value();
  });
  gate.open();
  both[0].get_future().wait();
  both[1].get_future().wait();
  queued.get_future().wait();
  EXPECT_EQ(got, 3);
  EXPECT_EQ(world_.opens, 1);
}

TEST_F(OpenPicturesTest, OpeningsThatNobodyWaitsForAreDropped) {
  world_.add("/a");
  OpenPictures pictures = make();
  const Gate gate;
  for (int i = 0; i < pool_.threads(); ++i) {
    ASSERT_TRUE(pool_.submit(WorkClass::tile, {}, [gate](bool) { gate.wait(); }));
  }
  const CancelToken gone;
  std::promise<Code> told;
  pictures.open("/a", gone, nullptr, [&](const auto& result) { told.set_value(result.error().code); });
  gone.cancel();
  gate.open();
  EXPECT_EQ(told.get_future().get(), Code::cancelled);
  EXPECT_EQ(world_.opens, 0);
}

}  // namespace
}  // namespace microtome::engine
