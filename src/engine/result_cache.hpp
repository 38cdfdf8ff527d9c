// SPDX-License-Identifier: Apache-2.0
// ResultCache: computed answers by key, within a number of bytes that is never exceeded. Sharded: a hit takes one
// short lock and copies a pointer. Entries are immutable and stay alive for whoever holds them. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/metrics.hpp"
#include "engine/key.hpp"
#include "engine/policy.hpp"

namespace microtome::engine {

struct Answer {
  SharedBytes bytes;
  std::string media_type;
  std::int64_t work_us = 0;  // that it took to make
};
using AnswerPtr = std::shared_ptr<const Answer>;

class ResultCache {
 public:
  using MakePolicy = std::function<std::unique_ptr<EvictionPolicy>(std::size_t capacity_bytes)>;

  // `shards` 0: one for each 8 MiB, from 1 to 64. An answer larger than a shard is not kept.
  explicit ResultCache(std::size_t capacity_bytes, std::size_t shards = 0, const MakePolicy& policy = make_s3fifo);
  ~ResultCache();
  ResultCache(const ResultCache&) = delete;
  ResultCache& operator=(const ResultCache&) = delete;

  [[nodiscard]] AnswerPtr find(const Key& key);                // counts a hit or a miss; null: not there
  [[nodiscard]] AnswerPtr peek(const Key& key) const;          // neither counts nor touches
  void put(const Key& key, AnswerPtr answer, double cost_us);  // the first one put under a key stays

  // What an answer is charged: its bytes and the cache's own for it.
  [[nodiscard]] static std::size_t charge(const Answer& answer);

  [[nodiscard]] std::size_t bytes() const;  // charged now; at most the capacity
  [[nodiscard]] std::size_t entries() const;
  [[nodiscard]] std::int64_t hits() const { return hits_.value(); }
  [[nodiscard]] std::int64_t misses() const { return misses_.value(); }
  [[nodiscard]] std::int64_t evictions() const { return evictions_.value(); }

 private:
  struct Entry {
    PolicyNode node;
    AnswerPtr answer;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Key, std::unique_ptr<Entry>, KeyHash> entries;
    std::unique_ptr<EvictionPolicy> policy;
    std::size_t bytes = 0;
  };
  Shard& shard_of(const Key& key) { return *shards_[key.high % shards_.size()]; }
  [[nodiscard]] const Shard& shard_of(const Key& key) const { return *shards_[key.high % shards_.size()]; }

  std::size_t shard_capacity_ = 0;
  std::vector<std::unique_ptr<Shard>> shards_;
  Counter hits_;
  Counter misses_;
  Counter evictions_;
};

}  // namespace microtome::engine
