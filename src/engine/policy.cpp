// SPDX-License-Identifier: Apache-2.0
#include "engine/policy.hpp"

#include <algorithm>
#include <deque>
#include <unordered_set>

namespace microtome::engine {

void PolicyList::push_front(PolicyNode& node) {
  node.previous = nullptr;
  node.next = front_;
  (front_ != nullptr ? front_->previous : back_) = &node;
  front_ = &node;
  bytes_ += node.bytes;
  ++size_;
}

void PolicyList::unlink(PolicyNode& node) {
  (node.previous != nullptr ? node.previous->next : front_) = node.next;
  (node.next != nullptr ? node.next->previous : back_) = node.previous;
  node.previous = node.next = nullptr;
  bytes_ -= node.bytes;
  --size_;
}

PolicyNode* PolicyList::pop_back() {
  PolicyNode* node = back_;
  if (node != nullptr) {
    unlink(*node);
  }
  return node;
}

namespace {

class Lru final : public EvictionPolicy {
 public:
  void add(PolicyNode& node) override { list_.push_front(node); }
  void touch(PolicyNode& node) override {
    list_.unlink(node);
    list_.push_front(node);
  }
  PolicyNode* evict() override { return list_.pop_back(); }

 private:
  PolicyList list_;
};

constexpr std::uint8_t kMostFrequency = 3;
constexpr double kDear = 4.0;  // times the usual cost per byte from which an entry gets its chance beforehand

class S3Fifo final : public EvictionPolicy {
 public:
  explicit S3Fifo(std::size_t capacity) : small_capacity_(capacity / 10) {}

  void add(PolicyNode& node) override {
    const double value = node.cost_us / static_cast<double>(std::max<std::size_t>(node.bytes, 1));
    node.frequency = usual_ > 0 && value > kDear * usual_ ? 1 : 0;
    usual_ = usual_ > 0 ? usual_ + (value - usual_) / 64 : value;  // moving mean over some 64 entries
    node.in_main = forget(node.key);
    (node.in_main ? main_ : small_).push_front(node);
  }

  void touch(PolicyNode& node) override {
    node.frequency = std::min<std::uint8_t>(kMostFrequency, node.frequency + 1);
  }

  PolicyNode* evict() override {
    // A node goes round the main queue at most kMostFrequency times, so this ends.
    for (;;) {
      const bool from_small = small_.size() > 0 && (small_.bytes() > small_capacity_ || main_.size() == 0);
      PolicyNode* node = (from_small ? small_ : main_).pop_back();
      if (node == nullptr) {
        return nullptr;
      }
      if (node->frequency == 0) {
        if (from_small) {
          remember(node->key);
        }
        return node;
      }
      node->frequency = from_small ? 0 : node->frequency - 1;
      node->in_main = true;
      main_.push_front(*node);
    }
  }

 private:
  // Keys that left the small queue, as many as there are entries: a key of 16 bytes beside entries of kilobytes.
  void remember(const Key& key) {
    if (ghosts_.insert(key).second) {
      ghost_order_.push_back(key);
    }
    const std::size_t most = std::max<std::size_t>(16, small_.size() + main_.size());
    while (ghost_order_.size() > most) {
      ghosts_.erase(ghost_order_.front());
      ghost_order_.pop_front();
    }
  }
  bool forget(const Key& key) { return ghosts_.erase(key) > 0; }  // its place in the order runs out by itself

  std::size_t small_capacity_;
  PolicyList small_;
  PolicyList main_;
  double usual_ = 0;  // microseconds a byte
  std::unordered_set<Key, KeyHash> ghosts_;
  std::deque<Key> ghost_order_;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_s3fifo(std::size_t capacity_bytes) {
  return std::make_unique<S3Fifo>(capacity_bytes);
}

std::unique_ptr<EvictionPolicy> make_lru() {
  return std::make_unique<Lru>();
}

}  // namespace microtome::engine
