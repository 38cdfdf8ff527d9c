// SPDX-License-Identifier: Apache-2.0
#include "engine/result_cache.hpp"

#include <algorithm>
#include <utility>

namespace microtome::engine {
namespace {

constexpr std::size_t kShardBytes = 8U << 20;
// The entry, its answer, its vector and its place in the map, allocator overhead included, rounded up.
constexpr std::size_t kOverhead = 320;

}  // namespace

ResultCache::ResultCache(std::size_t capacity_bytes, std::size_t shards, const MakePolicy& policy) {
  const std::size_t count = shards > 0 ? shards : std::clamp<std::size_t>(capacity_bytes / kShardBytes, 1, 64);
  shard_capacity_ = capacity_bytes / count;
  for (std::size_t i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<Shard>());
    shards_.back()->policy = policy(shard_capacity_);
  }
}

ResultCache::~ResultCache() = default;

std::size_t ResultCache::charge(const Answer& answer) {
  return kOverhead + answer.media_type.capacity() + (answer.bytes ? answer.bytes->capacity() : 0);
}

AnswerPtr ResultCache::find(const Key& key) {
  Shard& shard = shard_of(key);
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.entries.find(key);
    if (found != shard.entries.end()) {
      shard.policy->touch(found->second->node);
      hits_.add();
      return found->second->answer;
    }
  }
  misses_.add();
  return nullptr;
}

AnswerPtr ResultCache::peek(const Key& key) const {
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(key);
  return found != shard.entries.end() ? found->second->answer : nullptr;
}

void ResultCache::put(const Key& key, AnswerPtr answer, double cost_us) {
  const std::size_t bytes = charge(*answer);
  if (bytes > shard_capacity_) {
    return;
  }
  std::vector<std::unique_ptr<Entry>> gone;  // freed after the lock
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (shard.entries.contains(key)) {
    return;
  }
  while (shard.bytes + bytes > shard_capacity_) {
    PolicyNode* victim = shard.policy->evict();
    if (victim == nullptr) {
      return;
    }
    const auto found = shard.entries.find(victim->key);
    shard.bytes -= victim->bytes;
    gone.push_back(std::move(found->second));
    shard.entries.erase(found);
    evictions_.add();
  }
  auto entry = std::make_unique<Entry>();
  entry->node.key = key;
  entry->node.bytes = bytes;
  entry->node.cost_us = cost_us;
  entry->answer = std::move(answer);
  shard.policy->add(entry->node);
  shard.bytes += bytes;
  shard.entries.emplace(key, std::move(entry));
}

std::size_t ResultCache::bytes() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    sum += shard->bytes;
  }
  return sum;
}

std::size_t ResultCache::entries() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    sum += shard->entries.size();
  }
  return sum;
}

}  // namespace microtome::engine
