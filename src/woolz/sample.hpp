// SPDX-License-Identifier: Apache-2.0
// RowSampler: walks a section row by row and fetches the voxels under its pixels. Integer pixel (i, j) of the section
// lies at M^-1 (i, 0, d) + F plus j times the step down, summed in double; the nearest voxel is taken.
// Not thread-safe; the body must stay.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "woolz/bricks.hpp"
#include "woolz/geometry.hpp"
#include "woolz/lookup.hpp"

namespace microtome::woolz {

class RowSampler {
 public:
  // Columns `left` .. left + width - 1 in section coordinates.
  RowSampler(const Frame& frame, const Body& body, std::int64_t left, std::size_t width);

  // Goes to row `j` (section coordinate).
  void go(std::int64_t j);

  // Columns [first(), last()) may lie inside the domain; all others do not.
  [[nodiscard]] std::size_t first() const { return first_; }
  [[nodiscard]] std::size_t last() const { return last_; }

  // 1 where the column is inside the domain, else 0; `width` bytes.
  void inside(std::uint8_t* out);
  // Values at all columns; the background outside the domain. T is the values' own type.
  template <class T>
  void values(T background, T* out);
  // Between the eight voxels around each sample, those outside the domain counting as background; every scalar type.
  void linear(double* out);

 private:
  void voxel_addresses();
  template <class T>
  void constant(T background, T* out);
  template <class T>
  [[nodiscard]] T fetch(std::uint64_t address, T background) const;
  [[nodiscard]] bool in_domain(std::uint64_t address) const;
  template <class T>
  void linear_as(double* out);

  const Body& body_;
  Box box_;
  std::size_t width_;
  bool same_lattice_ = true;  // of domain and values
  Lookup domain_lookup_;
  Lookup values_lookup_;
  Vec3 down_;
  Vec3 across_;
  std::vector<double> x_;  // start of each column
  std::vector<double> y_;
  std::vector<double> z_;
  Vec3 add_;  // of the current row
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  std::vector<std::int32_t> ix_;
  std::vector<std::int32_t> iy_;
  std::vector<std::int32_t> iz_;
  std::vector<std::uint64_t> in_domain_;  // addresses by the domain's lattice
  std::vector<std::uint64_t> in_values_;  // by that of the values, where it differs
};

}  // namespace microtome::woolz
