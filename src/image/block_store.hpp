// SPDX-License-Identifier: Apache-2.0
// BlockStore: decoded blocks of a picture whose decoder is slow and likes areas larger than tiles. The block that is
// longest unused goes first. Thread-safe: one thread decodes a block, others that want the same one wait for it (on
// workers only); different blocks are decoded at the same time.
#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::image {

struct BlockKey {
  int level = 0;
  std::int64_t x = 0;
  std::int64_t y = 0;
  friend auto operator<=>(const BlockKey&, const BlockKey&) = default;
};

class BlockStore {
 public:
  using ImagePtr = std::shared_ptr<const pixel::Image>;
  using Make = std::function<Result<pixel::Image>()>;

  explicit BlockStore(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // From memory, or by `make`. Errors are not kept.
  Result<ImagePtr> get(const BlockKey& key, const Make& make, const CancelToken& cancel) const;

  [[nodiscard]] std::size_t memory() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t max_bytes() const { return max_bytes_; }

 private:
  struct Entry {
    std::mutex working;  // held while decoding
    ImagePtr image;      // written under `working` and mutex_
    std::list<BlockKey>::iterator place;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  EntryPtr find(const BlockKey& key) const;
  void keep(const BlockKey& key, const EntryPtr& entry, ImagePtr image) const;
  void drop(const BlockKey& key, const EntryPtr& entry) const;

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;  // held for moments
  mutable std::map<BlockKey, EntryPtr> entries_;
  mutable std::list<BlockKey> recent_;  // the last used first
  mutable std::atomic<std::size_t> bytes_{0};
};

}  // namespace microtome::image
