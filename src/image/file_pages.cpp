// SPDX-License-Identifier: Apache-2.0
#include "image/file_pages.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace microtome::image {

FilePages::FilePages(io::FilePtr file) : file_(std::move(file)) {}

Result<bool> FilePages::copy(std::uint64_t offset, std::span<std::uint8_t> out, bool may_block) const {
  if (out.size() > file_->size() || offset > file_->size() - out.size()) {
    return fail(Code::corrupt, "the file is damaged or was cut short",
                file_->path() + ": needs byte " + std::to_string(offset));
  }
  while (!out.empty()) {
    const std::size_t at = offset % kPage;
    const std::size_t part = std::min(out.size(), kPage - at);
    auto got = copy_within(offset / kPage, at, out.first(part), may_block);
    if (!got || !*got) {
      return got;
    }
    offset += part;
    out = out.subspan(part);
  }
  return true;
}

Result<bool> FilePages::copy_within(std::uint64_t page, std::size_t at, std::span<std::uint8_t> out,
                                    bool may_block) const {
  Shard& shard = shards_[page % kShards];
  {
    const std::scoped_lock lock(shard.mutex);
    for (const Slot& slot : shard.slots) {
      if (slot.number == page) {
        std::memcpy(out.data(), slot.bytes->data() + at, out.size());
        return true;
      }
    }
  }
  Page bytes;
  const std::uint64_t start = page * kPage;
  const std::span<std::uint8_t> whole(bytes.data(), std::min<std::uint64_t>(kPage, file_->size() - start));
  if (!file_->read_cached(start, whole)) {
    if (!may_block) {
      return false;
    }
    if (auto done = file_->read(start, whole); !done) {
      return pass(done.error());
    }
  }
  std::memcpy(out.data(), bytes.data() + at, out.size());
  const std::scoped_lock lock(shard.mutex);
  if (std::ranges::none_of(shard.slots, [&](const Slot& slot) { return slot.number == page; })) {
    Slot& slot = shard.slots[shard.next];
    shard.next = (shard.next + 1) % kSlots;
    if (!slot.bytes) {
      slot.bytes = std::make_unique_for_overwrite<Page>();
    }
    std::memcpy(slot.bytes->data(), whole.data(), whole.size());
    slot.number = page;
  }
  return true;
}

std::size_t FilePages::memory() const {
  std::size_t bytes = sizeof(*this);
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    for (const Slot& slot : shard.slots) {
      bytes += slot.bytes ? sizeof(Page) : 0;
    }
  }
  return bytes;
}

}  // namespace microtome::image
