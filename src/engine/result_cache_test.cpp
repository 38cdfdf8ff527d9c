// SPDX-License-Identifier: Apache-2.0
#include "engine/result_cache.hpp"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace microtome::engine {
namespace {

Key key(std::uint64_t number) {
  return {number * 0x9e3779b97f4a7c15ULL, number};
}

AnswerPtr answer(std::size_t bytes) {
  return std::make_shared<const Answer>(Answer{std::make_shared<const Bytes>(bytes), "image/jpeg"});
}

// A cache for about `count` answers of 1000 bytes, in one shard.
std::size_t room_for(std::size_t count) {
  return count * ResultCache::charge(*answer(1000));
}

TEST(ResultCache, GivesBackWhatWasPut) {
  ResultCache cache(1 << 20);
  EXPECT_EQ(cache.find(key(1)), nullptr);
  const auto put = answer(10);
  cache.put(key(1), put, 5);
  EXPECT_EQ(cache.find(key(1)), put) << "the same object: no copy";
  cache.put(key(1), answer(10), 5);
  EXPECT_EQ(cache.find(key(1)), put) << "the first one stays";
  EXPECT_EQ(cache.hits(), 2);
  EXPECT_EQ(cache.misses(), 1);
  EXPECT_EQ(cache.entries(), 1U);
}

TEST(ResultCache, NeverHoldsMoreThanItsBytes) {
  for (const std::size_t shards : {1U, 4U}) {
    constexpr std::size_t kCapacity = 100'000;
    ResultCache cache(kCapacity, shards);
    std::mt19937 random(7);
    std::size_t fullest = 0;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      cache.put(key(random() % 5000), answer(random() % 3000), static_cast<double>(random() % 1000));
      if (random() % 2 == 0) {
        static_cast<void>(cache.find(key(random() % 5000)));
      }
      ASSERT_LE(cache.bytes(), kCapacity);
      fullest = std::max(fullest, cache.bytes());
    }
    EXPECT_GT(fullest, kCapacity * 8 / 10) << "it is used, too";
    EXPECT_GT(cache.evictions(), 1000);
  }
}

TEST(ResultCache, DoesNotKeepWhatIsLargerThanItself) {
  ResultCache cache(10'000, 1);
  cache.put(key(1), answer(100), 1);
  cache.put(key(2), answer(10'000), 1);
  EXPECT_EQ(cache.find(key(2)), nullptr);
  EXPECT_NE(cache.find(key(1)), nullptr) << "and nothing had to make room for it";
}

TEST(ResultCache, OfNoBytesKeepsNothing) {
  ResultCache cache(0);
  cache.put(key(1), answer(1), 1);
  EXPECT_EQ(cache.find(key(1)), nullptr);
  EXPECT_EQ(cache.bytes(), 0U);
}

// How many of `hot` entries, each asked for three times, survive a scan over ten times the cache.
int survivors(const ResultCache::MakePolicy& policy) {
  ResultCache cache(room_for(100), 1, policy);
  constexpr std::uint64_t kHot = 40;
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < kHot; ++i) {
      if (cache.find(key(i)) == nullptr) {
        cache.put(key(i), answer(1000), 100);
      }
    }
  }
  for (std::uint64_t i = 1000; i < 2000; ++i) {
    if (cache.find(key(i)) == nullptr) {
      cache.put(key(i), answer(1000), 100);
    }
  }
  int found = 0;
  for (std::uint64_t i = 0; i < kHot; ++i) {
    found += cache.find(key(i)) != nullptr ? 1 : 0;
  }
  return found;
}

TEST(S3Fifo, AScanDoesNotWashOutWhatIsUsed) {
  EXPECT_EQ(survivors(make_s3fifo), 40);
  EXPECT_EQ(survivors([](std::size_t) { return make_lru(); }), 0) << "the yardstick: the scan does wash";
}

TEST(S3Fifo, WhatComesBackSoonIsKept) {
  ResultCache cache(room_for(50), 1);
  const auto pass_through = [&](std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t i = first; i < last; ++i) {
      cache.put(key(i), answer(1000), 100);
    }
  };
  pass_through(0, 80);
  ASSERT_EQ(cache.find(key(25)), nullptr) << "washed out";
  cache.put(key(25), answer(1000), 100);  // asked again while its name is remembered
  pass_through(200, 400);
  EXPECT_NE(cache.find(key(25)), nullptr);
}

TEST(S3Fifo, DearEntriesOutliveCheapOnes) {
  ResultCache cache(room_for(100), 1);
  for (std::uint64_t i = 0; i < 400; ++i) {
    cache.put(key(i), answer(1000), i % 20 == 0 ? 50'000 : 100);
  }
  int dear = 0;
  int cheap = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    (i % 20 == 0 ? dear : cheap) += cache.find(key(i)) != nullptr ? 1 : 0;
  }
  EXPECT_GE(dear, 4);
  EXPECT_EQ(cheap, 0);
}

TEST(S3Fifo, EvictsEverythingInTheEnd) {
  const auto policy = make_s3fifo(1000);
  EXPECT_EQ(policy->evict(), nullptr);
  std::vector<PolicyNode> nodes(50);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].key = key(i);
    nodes[i].bytes = 10;
    policy->add(nodes[i]);
    for (std::size_t hit = 0; hit < i % 9; ++hit) {
      policy->touch(nodes[i]);
    }
  }
  std::vector<const PolicyNode*> gone;
  while (const PolicyNode* node = policy->evict()) {
    gone.push_back(node);
  }
  EXPECT_EQ(gone.size(), nodes.size());
}

TEST(ResultCache, ManyThreadsMayUseIt) {
  ResultCache cache(200'000, 4);
  std::vector<std::thread> threads;
  threads.reserve(100);
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 5000; ++i) {
        const std::uint64_t number = random() % 500;
        if (const auto found = cache.find(key(number))) {
          ASSERT_EQ(found->bytes->size(), number);
        } else {
          cache.put(key(number), answer(number), 1);
        }
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_LE(cache.bytes(), 200'000U);
  EXPECT_EQ(cache.hits() + cache.misses(), 20'000);
}

}  // namespace
}  // namespace microtome::engine
