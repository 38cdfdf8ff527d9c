// SPDX-License-Identifier: Apache-2.0
// Which cached result goes first when the cache is full. A policy sees only keys, sizes and costs; the cache owns the
// entries. Not thread-safe: each shard of the cache has its own policy under its own lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/key.hpp"

namespace microtome::engine {

// One entry as policies see it. The links and the two small fields belong to the policy.
struct PolicyNode {
  Key key;
  std::size_t bytes = 0;  // charged
  double cost_us = 0;     // CPU time to make it again
  PolicyNode* previous = nullptr;
  PolicyNode* next = nullptr;
  std::uint8_t frequency = 0;
  bool in_main = false;
};

class EvictionPolicy {
 public:
  virtual ~EvictionPolicy() = default;
  virtual void add(PolicyNode& node) = 0;    // a new entry
  virtual void touch(PolicyNode& node) = 0;  // a hit
  virtual PolicyNode* evict() = 0;           // unlinks the entry that goes next; null when there is none
};

// Doubly linked list through the nodes; front is the newest. Owns nothing.
class PolicyList {
 public:
  void push_front(PolicyNode& node);
  void unlink(PolicyNode& node);
  PolicyNode* pop_back();
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  PolicyNode* front_ = nullptr;
  PolicyNode* back_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t size_ = 0;
};

// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), made aware of cost:
// a small queue (a tenth of the bytes) that new entries pass through, a main queue for those hit meanwhile, and the
// keys of those that left the small queue lately. An entry that costs much more CPU time per byte than the others is
// given the second chance of a hit beforehand. A scan of entries asked once therefore never reaches the main queue.
[[nodiscard]] std::unique_ptr<EvictionPolicy> make_s3fifo(std::size_t capacity_bytes);

// Least recently used: the yardstick in tests and benchmarks.
[[nodiscard]] std::unique_ptr<EvictionPolicy> make_lru();

}  // namespace microtome::engine
