// SPDX-License-Identifier: Apache-2.0
// FilePages: small reads at scattered places of a file through a few 4 KiB pages kept in memory. This is what makes
// an index page-lazy: of the offset arrays of a pyramid only the pages that somebody asked for are ever read. At most
// kShards * kSlots pages (512 KiB: the offsets of 40,000 tiles) are held. Thread-safe; no lock is held while the disk
// is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "base/result.hpp"
#include "io/file.hpp"

namespace microtome::image {

class FilePages {
 public:
  static constexpr std::size_t kPage = 4096;

  explicit FilePages(io::FilePtr file);

  // Copies out.size() bytes (at most one page's worth) at `offset`. False when `may_block` is false and they are
  // neither here nor in the page cache. Code::corrupt past the end of the file.
  Result<bool> copy(std::uint64_t offset, std::span<std::uint8_t> out, bool may_block) const;

  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] const io::FilePtr& file() const { return file_; }

 private:
  static constexpr std::size_t kShards = 8;
  static constexpr std::size_t kSlots = 16;
  static constexpr std::uint64_t kNobody = ~std::uint64_t{0};
  using Page = std::array<std::uint8_t, kPage>;
  struct Slot {
    std::uint64_t number = kNobody;
    std::unique_ptr<Page> bytes;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::array<Slot, kSlots> slots;
    std::size_t next = 0;  // the slot to give up next
  };

  Result<bool> copy_within(std::uint64_t page, std::size_t at, std::span<std::uint8_t> out, bool may_block) const;

  io::FilePtr file_;
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace microtome::image
