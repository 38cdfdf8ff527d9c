// SPDX-License-Identifier: Apache-2.0
// Domain and Values: sets of voxels and what they hold, as cubes of memory that may be a mapped file.
// Immutable; thread-safe. Entries of indexes are checked where they are used, so a damaged sidecar reads as
// background.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "woolz/blob.hpp"
#include "woolz/node.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

// 256 rows of 16 voxels: row z*16+y, voxel x at bit x.
struct Mask {
  std::array<std::uint16_t, 256> rows{};
  friend bool operator==(const Mask&, const Mask&) = default;
  [[nodiscard]] bool get(std::size_t voxel) const { return ((rows[voxel >> 4] >> (voxel & 15)) & 1) != 0; }
};
static_assert(sizeof(Mask) == kMaskBytes);

class Domain {
 public:
  enum class State : std::uint8_t { none, all, some };

  // The domain of a node whose bricks lie in `blob`. Code::corrupt when the index does not fit.
  static Result<std::shared_ptr<const Domain>> from(const DomainNode& node, const BlobPtr& blob);
  // Takes indexes as IndexPlace describes them, with mask entry e at masks[e - 2].
  static std::shared_ptr<const Domain> make(const Box& box, std::vector<std::uint32_t> index,
                                            std::vector<Mask> masks);

  [[nodiscard]] const Box& box() const { return box_; }
  [[nodiscard]] const Lattice& lattice() const { return lattice_; }
  [[nodiscard]] std::uint64_t voxels() const { return voxels_; }
  // Every voxel of the box is in.
  [[nodiscard]] bool solid() const { return solid_; }
  [[nodiscard]] bool contains(const Voxel& v) const;
  [[nodiscard]] std::size_t memory() const;

  // By index into the lattice.
  [[nodiscard]] State state(std::int64_t brick) const {
    const std::uint32_t entry = index_[static_cast<std::size_t>(brick)];
    return entry == 1 ? State::all : entry < 2 || entry >= limit_ ? State::none : State::some;
  }
  // Valid when the state is `some`.
  [[nodiscard]] const std::uint8_t* mask(std::int64_t brick) const {
    return masks_ + (std::uint64_t{index_[static_cast<std::size_t>(brick)]} - 2) * kMaskBytes;
  }
  // A copy of the mask, whatever the state.
  [[nodiscard]] Mask copy_mask(std::int64_t brick) const;
  // By coordinates of bricks in space (voxel >> 4); nothing outside the lattice.
  [[nodiscard]] Mask copy_mask(const Voxel& brick) const;
  [[nodiscard]] State state(const Voxel& brick) const;

 private:
  Box box_;
  Lattice lattice_;
  std::span<const std::uint32_t> index_;
  const std::uint8_t* masks_ = nullptr;
  std::uint64_t limit_ = 2;
  std::uint64_t voxels_ = 0;
  bool solid_ = false;
  BlobPtr blob_;
  std::vector<std::uint32_t> own_index_;
  std::vector<Mask> own_masks_;
};

using DomainPtr = std::shared_ptr<const Domain>;

class Values {
 public:
  // Values of a node; `data` holds them (the blob or a mapping of the source), `blob` the index.
  static Result<std::shared_ptr<const Values>> from(const ValuesNode& node, const BlobPtr& blob, const BlobPtr& data);
  // One value everywhere.
  static std::shared_ptr<const Values> constant(Grey grey, const GreyValue& value, const GreyValue& background);
  // Own bricks: entry e of `index` is at byte (e - 1) * unit of `data`.
  static std::shared_ptr<const Values> make(Grey grey, const GreyValue& background, const Lattice& lattice,
                                            std::vector<std::uint32_t> index, Bytes data, std::uint64_t unit);

  [[nodiscard]] Grey grey() const { return grey_; }
  [[nodiscard]] const GreyValue& background() const { return background_; }
  [[nodiscard]] const std::optional<GreyValue>& constant_value() const { return constant_; }
  [[nodiscard]] const Lattice& lattice() const { return lattice_; }
  [[nodiscard]] bool flat() const { return flat_; }  // cubes are one voxel thick
  // Values of a cube stand in block order (coordinates.hpp), else x fastest.
  [[nodiscard]] bool blocked() const { return blocked_; }
  [[nodiscard]] std::int32_t per_voxel() const { return per_voxel_; }
  [[nodiscard]] std::size_t memory() const;

  // Finds cubes; a copy in a local variable stays in registers while bytes are written.
  struct Cubes {
    const std::uint32_t* index = nullptr;
    const std::uint8_t* data = nullptr;
    std::uint64_t unit = 0;
    std::uint64_t limit = 0;
    [[nodiscard]] const std::uint8_t* at(std::int64_t cube) const {
      const std::uint64_t entry = index[cube];
      return entry - 1 >= limit ? nullptr : data + (entry - 1) * unit;  // 0 wraps around
    }
  };
  [[nodiscard]] Cubes cubes() const { return {index_.data(), data_, unit_, limit_}; }
  // First byte of a cube's values, or null where there are none.
  [[nodiscard]] const std::uint8_t* cube(std::int64_t index) const { return cubes().at(index); }
  // The (first) value at a voxel; the background where none is stored.
  [[nodiscard]] GreyValue at(const Voxel& v) const;

 private:
  Grey grey_ = Grey::none;
  std::int32_t per_voxel_ = 1;
  GreyValue background_;
  std::optional<GreyValue> constant_;
  Lattice lattice_;
  bool flat_ = false;
  bool blocked_ = false;
  std::span<const std::uint32_t> index_;
  const std::uint8_t* data_ = nullptr;
  std::uint64_t unit_ = kUnit;
  std::uint64_t limit_ = 0;
  BlobPtr blob_;
  BlobPtr data_blob_;
  std::vector<std::uint32_t> own_index_;
};

using ValuesPtr = std::shared_ptr<const Values>;

// A set of voxels, perhaps with values. `clean`: outside the domain the values' memory holds the background.
struct Body {
  DomainPtr domain;
  ValuesPtr values;  // null: domain only
  bool clean = false;
  [[nodiscard]] Grey grey() const { return values ? values->grey() : Grey::none; }
};

using BodyPtr = std::shared_ptr<const Body>;

// Reads one value of `grey` at `p`, which need not be aligned.
[[nodiscard]] GreyValue load_value(Grey grey, const std::uint8_t* p);
// The reverse; the number is in the type's range.
void store_value(Grey grey, const GreyValue& value, std::uint8_t* out);
// What statistics count: the number, for RGBA the length of (red, green, blue).
[[nodiscard]] double magnitude(Grey grey, const GreyValue& value);

}  // namespace microtome::woolz
