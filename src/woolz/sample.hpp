// SPDX-License-Identifier: Apache-2.0
// RowSampler: walks a section row by row and fetches the voxels under its pixels. Integer pixel (i, j) of the section
// lies at M^-1 (i, 0, d) + F plus j times the step down, summed in double; the nearest voxel is taken.
// Not thread-safe; the body must stay.
#pragma once

#include <cstdint>
#include <vector>

#include "woolz/bricks.hpp"
#include "woolz/coordinates.hpp"
#include "woolz/geometry.hpp"
#include "woolz/lookup.hpp"

namespace microtome::woolz {

// Columns at section coordinates left, left + step, ...; of a body whose voxels are 2^level of the object's wide.
struct Columns {
  double left = 0;
  double step = 1;
  std::size_t count = 0;
  int level = 0;
};

class RowSampler {
 public:
  RowSampler(const Frame& frame, const Body& body, const Columns& columns);

  // Goes to row `y` (section coordinate).
  void go(double y);

  // Columns [first(), last()) may lie inside the domain; all others do not.
  [[nodiscard]] std::size_t first() const { return first_; }
  [[nodiscard]] std::size_t last() const { return last_; }

  // 1 where the column is inside the domain, else 0; `width` bytes.
  void inside(std::uint8_t* out) const;
  // Values at all columns; the background outside the domain. T is the values' own type.
  template <class T>
  void values(T background, T* out);
  // Between the eight voxels around each sample, those outside the domain counting as background; every scalar type.
  void linear(double* out);

 private:
  // Cube of each column in one lattice, and the place in it.
  struct Located {
    std::vector<std::int32_t> cube;
    std::vector<std::int32_t> place;
    explicit Located(std::size_t width) : cube(width), place(width) {}
  };
  [[nodiscard]] RowPoints points() const {
    return {x_.data() + first_, y_.data() + first_, z_.data() + first_, add_};
  }
  void locate_in(const CubeGrid& grid, Located& out) const;
  void locate_values();
  [[nodiscard]] bool in_domain(std::size_t column) const;
  template <class T>
  void fetch(const Located& located, T background, T* out);
  template <class T>
  void linear_as(double* out);

  const Body& body_;
  Box box_;
  std::size_t width_;
  bool same_lattice_ = true;  // of domain and values
  bool power_of_two_ = true;  // side of the values' cubes
  bool masked_ = false;       // values outside the domain are not the background
  Vec3 down_;
  Vec3 across_;
  std::vector<double> x_;  // start of each column
  std::vector<double> y_;
  std::vector<double> z_;
  Vec3 add_;  // of the current row
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  CubeGrid domain_grid_;
  CubeGrid values_grid_;
  Located domain_;
  Located values_;                              // where the lattices differ
  std::vector<const std::uint8_t*> addresses_;  // of the current row's values
  Lookup domain_lookup_;                        // for linear(), made when first needed
  Lookup values_lookup_;
};

}  // namespace microtome::woolz
