// SPDX-License-Identifier: Apache-2.0
#include "woolz/brick_sink.hpp"

#include <cstring>
#include <limits>

#include "woolz/coordinates.hpp"

namespace microtome::woolz {
namespace {

constexpr std::size_t kChunk = 8;  // masks that share a page
constexpr std::uint64_t kPage = 4096;

ByteView view(const void* data, std::size_t bytes) {
  return {static_cast<const std::uint8_t*>(data), bytes};
}

Result<std::uint32_t> entry_of(std::uint64_t offset, std::uint64_t first) {
  const std::uint64_t entry = offset / kUnit + first;
  if (entry > std::numeric_limits<std::uint32_t>::max()) {
    return fail(Code::too_large, "the object is too large", "more bricks than the cache can address");
  }
  return static_cast<std::uint32_t>(entry);
}

// Four voxels along x stay together.
template <std::size_t kSize>
void to_blocks(const Bytes& from, Bytes& to) {
  for (std::size_t i = 0; i < kBrickVoxels; i += 4) {
    std::memcpy(to.data() + block_order(static_cast<std::uint32_t>(i)) * kSize, from.data() + i * kSize, 4 * kSize);
  }
}

}  // namespace

BrickSink::BrickSink(const Box& box, BlobWriter& out)
    : box_(box), lattice_(brick_lattice(box)), out_(out), domain_(at(lattice_.size())), chunk_used_(kChunk) {}

Result<void> BrickSink::mask(std::int64_t brick, const Mask& mask) {
  std::uint32_t& entry = domain_[at(brick)];
  std::uint16_t any = 0;
  std::uint16_t all = 0xffff;
  for (const std::uint16_t row : mask.rows) {
    any |= row;
    all &= row;
  }
  if (any == 0 || all == 0xffff) {
    entry = any == 0 ? 0 : 1;
    return {};
  }
  if (last_entry_ > 1 && mask == last_mask_) {
    entry = last_entry_;
    return {};
  }
  if (chunk_used_ == kChunk) {
    auto offset = out_.append(Bytes(kChunk * kMaskBytes), kUnit);
    if (!offset) {
      return std::unexpected(offset.error());
    }
    chunk_offset_ = *offset;
    chunk_used_ = 0;
  }
  const std::uint64_t offset = chunk_offset_ + chunk_used_++ * kMaskBytes;
  auto made = entry_of(offset, 2);
  if (!made) {
    return std::unexpected(made.error());
  }
  last_mask_ = mask;
  last_entry_ = entry = *made;
  return out_.patch(offset, view(&mask, sizeof(mask)));
}

Result<void> BrickSink::values(std::int64_t brick, Grey grey, const Bytes& values) {
  const std::size_t size = bytes_of(grey);
  values_.resize(domain_.size());
  blocked_.resize(values.size());
  switch (size) {
    case 1:
      to_blocks<1>(values, blocked_);
      break;
    case 2:
      to_blocks<2>(values, blocked_);
      break;
    case 4:
      to_blocks<4>(values, blocked_);
      break;
    default:
      to_blocks<8>(values, blocked_);
      break;
  }
  auto offset = out_.append(blocked_, kPage);
  if (!offset) {
    return std::unexpected(offset.error());
  }
  auto entry = entry_of(*offset, 1);
  if (!entry) {
    return std::unexpected(entry.error());
  }
  values_[at(brick)] = *entry;
  return {};
}

Result<void> BrickSink::finish(DomainNode& domain, ValuesNode& values) {
  domain.box = box_;
  auto placed = out_.append(view(domain_.data(), domain_.size() * sizeof(std::uint32_t)));
  if (!placed) {
    return std::unexpected(placed.error());
  }
  domain.index = {*placed, domain_.size()};
  if (values_.empty()) {
    return {};
  }
  placed = out_.append(view(values_.data(), values_.size() * sizeof(std::uint32_t)));
  if (!placed) {
    return std::unexpected(placed.error());
  }
  values.index = {*placed, values_.size()};
  values.lattice = lattice_;
  values.blocked = true;
  values.unit = kUnit;
  values.cube_bytes = blocked_.size();
  return {};
}

}  // namespace microtome::woolz
