// SPDX-License-Identifier: Apache-2.0
// Failures: what could not be made, and why, for a short time: broken bytes that are asked for again and again cost
// their decoding once. Bounded. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/result.hpp"
#include "engine/key.hpp"

namespace microtome::engine {

class Failures {
 public:
  Failures(int keep_ms, std::function<std::int64_t()> now_ns)
      : keep_ns_(std::int64_t{keep_ms} * 1'000'000), now_ns_(std::move(now_ns)) {}

  [[nodiscard]] std::optional<Error> find(const Key& key) {
    if (size_.load(std::memory_order_relaxed) == 0) {
      return std::nullopt;  // the usual case takes no lock
    }
    const std::lock_guard lock(mutex_);
    const auto found = failures_.find(key);
    if (found == failures_.end() || now_ns_() >= found->second.until_ns) {
      return std::nullopt;
    }
    return found->second.error;
  }

  // The source is to blame, not the moment.
  [[nodiscard]] static bool lasting(Code code) {
    return code == Code::corrupt || code == Code::unsupported || code == Code::io || code == Code::internal ||
           code == Code::too_large;
  }

  // Keeps lasting errors only.
  void remember(const Key& key, const Error& error) {
    if (!lasting(error.code)) {
      return;
    }
    const std::lock_guard lock(mutex_);
    if (failures_.insert_or_assign(key, Failure{error, now_ns_() + keep_ns_}).second) {
      order_.push_back(key);
    }
    while (order_.size() > kMost) {
      failures_.erase(order_.front());
      order_.pop_front();
    }
    size_.store(failures_.size(), std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kMost = 4096;
  struct Failure {
    Error error;
    std::int64_t until_ns;
  };

  std::int64_t keep_ns_;
  std::function<std::int64_t()> now_ns_;
  std::atomic<std::size_t> size_{0};
  std::mutex mutex_;
  std::unordered_map<Key, Failure, KeyHash> failures_;
  std::deque<Key> order_;
};

}  // namespace microtome::engine
