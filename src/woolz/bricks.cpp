// SPDX-License-Identifier: Apache-2.0
#include "woolz/bricks.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "woolz/coordinates.hpp"

namespace microtome::woolz {
namespace {

// The index at `place`, or an error when it does not fit into the blob or has another size.
Result<std::span<const std::uint32_t>> index_at(const IndexPlace& place, const Lattice& lattice, const Blob& blob) {
  const auto fits = [](std::int64_t n) { return n >= 0 && n <= (1LL << 31); };
  const Voxel& n = lattice.count;
  if (!fits(n.x) || !fits(n.y) || !fits(n.z) || (n.x != 0 && n.y > (1LL << 31) / n.x) ||
      (n.x * n.y != 0 && n.z > (1LL << 31) / (n.x * n.y)) ||
      static_cast<std::uint64_t>(lattice.size()) != place.count || place.offset % 4 != 0 ||
      place.offset > blob.size() || place.count > (blob.size() - place.offset) / 4) {
    return fail(Code::corrupt, "the cache of the object is broken", "brick index does not fit");
  }
  return std::span(reinterpret_cast<const std::uint32_t*>(blob.data() + place.offset),
                   static_cast<std::size_t>(place.count));
}

template <class T>
T load(const std::uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

bool in_lattice(const Lattice& lattice, const Voxel& brick) {
  return brick.x >= 0 && brick.x < lattice.count.x && brick.y >= 0 && brick.y < lattice.count.y && brick.z >= 0 &&
         brick.z < lattice.count.z;
}

Voxel relative(const Voxel& brick, const Lattice& lattice) {
  return {brick.x - floor_brick(lattice.origin.x), brick.y - floor_brick(lattice.origin.y),
          brick.z - floor_brick(lattice.origin.z)};
}

}  // namespace

GreyValue load_value(Grey grey, const std::uint8_t* p) {
  switch (grey) {
    case Grey::none:
      return {};
    case Grey::uint8:
      return {static_cast<double>(*p), 0};
    case Grey::int16:
      return {static_cast<double>(load<std::int16_t>(p)), 0};
    case Grey::int32:
      return {static_cast<double>(load<std::int32_t>(p)), 0};
    case Grey::float32:
      return {static_cast<double>(load<float>(p)), 0};
    case Grey::float64:
      return {load<double>(p), 0};
    case Grey::rgba:
      return {0, load<std::uint32_t>(p)};
  }
  return {};
}

void store_value(Grey grey, const GreyValue& value, std::uint8_t* out) {
  const auto put = [out](auto v) { std::memcpy(out, &v, sizeof(v)); };
  switch (grey) {
    case Grey::none:
      break;
    case Grey::uint8:
      put(static_cast<std::uint8_t>(value.number));
      break;
    case Grey::int16:
      put(static_cast<std::int16_t>(value.number));
      break;
    case Grey::int32:
      put(static_cast<std::int32_t>(value.number));
      break;
    case Grey::float32:
      put(static_cast<float>(value.number));
      break;
    case Grey::float64:
      put(value.number);
      break;
    case Grey::rgba:
      put(value.rgba);
      break;
  }
}

double magnitude(Grey grey, const GreyValue& value) {
  if (grey != Grey::rgba) {
    return value.number;
  }
  const double r = value.rgba & 255;
  const double g = (value.rgba >> 8) & 255;
  const double b = (value.rgba >> 16) & 255;
  return std::sqrt(r * r + g * g + b * b);
}

Result<DomainPtr> Domain::from(const DomainNode& node, const BlobPtr& blob) {
  auto domain = std::make_shared<Domain>();
  domain->box_ = node.box;
  domain->lattice_ = brick_lattice(node.box);
  auto index = index_at(node.index, domain->lattice_, *blob);
  if (!index) {
    return std::unexpected(index.error());
  }
  domain->index_ = *index;
  domain->masks_ = blob->data();
  domain->limit_ = 2 + blob->size() / kMaskBytes;
  domain->voxels_ = node.voxels;
  const Box& b = node.box;
  domain->solid_ = !b.empty() && node.voxels == static_cast<std::uint64_t>(b.width() * b.height() * b.depth());
  domain->blob_ = blob;
  return domain;
}

DomainPtr Domain::make(const Box& box, std::vector<std::uint32_t> index, std::vector<Mask> masks) {
  auto domain = std::make_shared<Domain>();
  domain->box_ = box;
  domain->lattice_ = brick_lattice(box);
  domain->own_index_ = std::move(index);
  domain->own_masks_ = std::move(masks);
  domain->index_ = domain->own_index_;
  domain->masks_ = reinterpret_cast<const std::uint8_t*>(domain->own_masks_.data());
  domain->limit_ = 2 + domain->own_masks_.size();
  for (std::size_t i = 0; i < domain->index_.size(); ++i) {
    const auto brick = static_cast<std::int64_t>(i);
    const State state = domain->state(brick);
    if (state == State::all) {
      domain->voxels_ += kBrickVoxels;
    } else if (state == State::some) {
      const Mask mask = domain->copy_mask(brick);
      for (const std::uint16_t row : mask.rows) {
        domain->voxels_ += static_cast<std::uint64_t>(std::popcount(row));
      }
    }
  }
  return domain;
}

std::size_t Domain::memory() const {
  return sizeof(*this) + own_index_.capacity() * sizeof(std::uint32_t) + own_masks_.capacity() * sizeof(Mask);
}

Mask Domain::copy_mask(std::int64_t brick) const {
  Mask copy;
  switch (state(brick)) {
    case State::none:
      break;
    case State::all:
      copy.rows.fill(0xffff);
      break;
    case State::some:
      std::memcpy(copy.rows.data(), mask(brick), kMaskBytes);
      break;
  }
  return copy;
}

Mask Domain::copy_mask(const Voxel& brick) const {
  const Voxel b = relative(brick, lattice_);
  return in_lattice(lattice_, b) ? copy_mask(lattice_.index(b.x, b.y, b.z)) : Mask{};
}

Domain::State Domain::state(const Voxel& brick) const {
  const Voxel b = relative(brick, lattice_);
  return in_lattice(lattice_, b) ? state(lattice_.index(b.x, b.y, b.z)) : State::none;
}

bool Domain::contains(const Voxel& v) const {
  if (!box_.contains(v)) {
    return false;
  }
  const Voxel b = relative({floor_brick(v.x), floor_brick(v.y), floor_brick(v.z)}, lattice_);
  const std::int64_t brick = lattice_.index(b.x, b.y, b.z);
  const State found = state(brick);
  if (found != State::some) {
    return found == State::all;
  }
  const auto voxel = static_cast<std::size_t>((v.z & 15) << 8 | (v.y & 15) << 4 | (v.x & 15));
  return ((mask(brick)[voxel >> 3] >> (voxel & 7)) & 1) != 0;
}

Result<ValuesPtr> Values::from(const ValuesNode& node, const BlobPtr& blob, const BlobPtr& data) {
  auto index = index_at(node.index, node.lattice, *blob);
  if (!index) {
    return std::unexpected(index.error());
  }
  const std::int64_t side = node.lattice.side;
  const std::uint64_t least = static_cast<std::uint64_t>(side * side) * bytes_of(node.grey) *
                              static_cast<std::uint64_t>(node.per_voxel) *
                              (node.flat ? 1 : static_cast<std::uint64_t>(side));
  if (node.unit == 0 || side < 1 || side > 4096 || node.per_voxel < 1 || node.per_voxel > (1 << 16) ||
      node.cube_bytes < least || (node.blocked && side != kBrickSide) || node.data_offset > data->size()) {
    return fail(Code::corrupt, "the cache of the object is broken", "values do not fit");
  }
  auto values = std::make_shared<Values>();
  values->grey_ = node.grey;
  values->per_voxel_ = node.per_voxel;
  values->background_ = node.background;
  values->lattice_ = node.lattice;
  values->flat_ = node.flat;
  values->blocked_ = node.blocked;
  values->index_ = *index;
  values->data_ = data->data() + node.data_offset;
  values->unit_ = node.unit;
  const std::uint64_t have = data->size() - node.data_offset;
  values->limit_ = have < node.cube_bytes ? 0 : (have - node.cube_bytes) / node.unit + 1;
  values->blob_ = blob;
  values->data_blob_ = data;
  return values;
}

ValuesPtr Values::constant(Grey grey, const GreyValue& value, const GreyValue& background) {
  auto values = std::make_shared<Values>();
  values->grey_ = grey;
  values->constant_ = value;
  values->background_ = background;
  return values;
}

ValuesPtr Values::make(Grey grey, const GreyValue& background, const Lattice& lattice,
                       std::vector<std::uint32_t> index, Bytes data, std::uint64_t unit) {
  auto values = std::make_shared<Values>();
  values->grey_ = grey;
  values->background_ = background;
  values->lattice_ = lattice;
  values->own_index_ = std::move(index);
  values->index_ = values->own_index_;
  values->data_blob_ = memory_blob(std::move(data));
  values->data_ = values->data_blob_->data();
  values->unit_ = unit;
  values->limit_ = values->data_blob_->size() / unit;
  return values;
}

std::size_t Values::memory() const {
  return sizeof(*this) + own_index_.capacity() * sizeof(std::uint32_t) + (data_blob_ ? data_blob_->memory() : 0);
}

GreyValue Values::at(const Voxel& v) const {
  if (constant_) {
    return *constant_;
  }
  const std::int64_t side = lattice_.side;
  const Voxel r{v.x - lattice_.origin.x, v.y - lattice_.origin.y, v.z - lattice_.origin.z};
  if (r.x < 0 || r.y < 0 || r.z < 0 || !in_lattice(lattice_, {r.x / side, r.y / side, flat_ ? r.z : r.z / side})) {
    return background_;
  }
  const std::uint8_t* cube_at = cube(lattice_.index(r.x / side, r.y / side, flat_ ? 0 : r.z / side));
  if (cube_at == nullptr) {
    return background_;
  }
  const std::int64_t linear = ((flat_ ? 0 : r.z % side) * side + r.y % side) * side + r.x % side;
  const std::size_t inside =
      blocked_ ? block_order(static_cast<std::uint32_t>(linear)) : static_cast<std::size_t>(linear);
  return load_value(grey_, cube_at + inside * bytes_of(grey_) * static_cast<std::size_t>(per_voxel_));
}

}  // namespace microtome::woolz
