// SPDX-License-Identifier: Apache-2.0
#include "image/block_store.hpp"

#include <utility>

namespace microtome::image {

BlockStore::EntryPtr BlockStore::find(const BlockKey& key) const {
  const std::scoped_lock lock(mutex_);
  if (const auto at = entries_.find(key); at != entries_.end()) {
    recent_.splice(recent_.begin(), recent_, at->second->place);
    return at->second;
  }
  auto entry = std::make_shared<Entry>();
  recent_.push_front(key);
  entry->place = recent_.begin();
  entries_.emplace(key, entry);
  return entry;
}

void BlockStore::keep(const BlockKey& key, const EntryPtr& entry, ImagePtr image) const {
  const std::scoped_lock lock(mutex_);
  entry->image = std::move(image);
  const auto at = entries_.find(key);
  if (at == entries_.end() || at->second != entry) {
    return;  // dropped meanwhile
  }
  bytes_ += entry->image->data.size();
  // From the longest unused on; blocks that are still being decoded have no bytes to give.
  for (auto last = recent_.end(); bytes_ > max_bytes_ && last != recent_.begin();) {
    --last;
    const auto old = entries_.find(*last);
    if (old->second->image == nullptr) {
      continue;
    }
    bytes_ -= old->second->image->data.size();
    entries_.erase(old);
    last = recent_.erase(last);
  }
}

void BlockStore::drop(const BlockKey& key, const EntryPtr& entry) const {
  const std::scoped_lock lock(mutex_);
  const auto at = entries_.find(key);
  if (at != entries_.end() && at->second == entry) {
    recent_.erase(entry->place);
    entries_.erase(at);
  }
}

Result<BlockStore::ImagePtr> BlockStore::get(const BlockKey& key, const Make& make, const CancelToken& cancel) const {
  const EntryPtr entry = find(key);
  const std::scoped_lock working(entry->working);
  if (entry->image != nullptr) {
    return entry->image;
  }
  if (cancel.cancelled()) {
    drop(key, entry);
    return fail(Code::cancelled, "cancelled");
  }
  auto made = make();
  if (!made) {
    drop(key, entry);
    return pass(made.error());
  }
  auto image = std::make_shared<const pixel::Image>(std::move(*made));
  keep(key, entry, image);
  return image;
}

}  // namespace microtome::image
