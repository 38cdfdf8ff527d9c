// SPDX-License-Identifier: Apache-2.0
// BrickValues: the values of a body under one brick of its domain at a time, whatever lattice they lie in.
// For scans over whole bodies: counting, thresholds, copies. Not thread-safe; the body must stay.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "woolz/bricks.hpp"
#include "woolz/lookup.hpp"

namespace microtome::woolz {

class BrickValues {
 public:
  explicit BrickValues(const Body& body)
      : values_(*body.values), size_(bytes_of(values_.grey())), box_(span_of(*body.domain)) {
    if (!values_.constant_value()) {
      lookup_ = Lookup(values_.lattice(), values_.flat(), values_.blocked(), box_);
    }
  }

  // visit(index of the voxel in the brick, value) for every voxel of `mask`, the brick beginning at `origin`.
  template <class Visit>
  void each(const Voxel& origin, const Mask& mask, const Visit& visit) const {
    const auto ix = static_cast<std::int32_t>(origin.x - box_.x1 + 1);
    const auto iy = static_cast<std::int32_t>(origin.y - box_.y1 + 1);
    const auto iz = static_cast<std::int32_t>(origin.z - box_.z1 + 1);
    for (std::size_t row = 0; row < mask.rows.size(); ++row) {
      for (std::uint32_t bits = mask.rows[row]; bits != 0; bits &= bits - 1) {
        const int x = std::countr_zero(bits);
        visit(row * kBrickSide + static_cast<std::size_t>(x),
              at(ix + x, iy + static_cast<std::int32_t>(row & 15), iz + static_cast<std::int32_t>(row >> 4)));
      }
    }
  }

 private:
  // All of the bricks, so that every voxel of them has an entry in the tables.
  static Box span_of(const Domain& domain) {
    const Lattice& l = domain.lattice();
    return {l.origin.x,
            l.origin.y,
            l.origin.z,
            l.origin.x + l.count.x * kBrickSide - 1,
            l.origin.y + l.count.y * kBrickSide - 1,
            l.origin.z + l.count.z * kBrickSide - 1};
  }
  [[nodiscard]] GreyValue at(std::int32_t ix, std::int32_t iy, std::int32_t iz) const {
    if (values_.constant_value()) {
      return *values_.constant_value();
    }
    const std::uint64_t address = lookup_.at(ix, iy, iz);
    if (address >= Lookup::kOutside) {
      return values_.background();
    }
    const std::uint8_t* cube = values_.cube(static_cast<std::int64_t>(Lookup::brick(address)));
    if (cube == nullptr) {
      return values_.background();
    }
    return load_value(values_.grey(), cube + std::uint64_t{Lookup::voxel(address)} * size_ *
                                                 static_cast<std::uint64_t>(values_.per_voxel()));
  }

  const Values& values_;
  std::size_t size_;
  Box box_;
  Lookup lookup_;
};

}  // namespace microtome::woolz
