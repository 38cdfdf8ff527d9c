// SPDX-License-Identifier: Apache-2.0
// BrickBuilder: makes bricks of 16³ voxels out of planes of runs with values, plane by plane, into a blob.
// Holds at most 16 planes of values at a time. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "woolz/blob.hpp"
#include "woolz/brick_sink.hpp"
#include "woolz/bricks.hpp"
#include "woolz/node.hpp"
#include "woolz/runs.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

class BrickBuilder {
 public:
  // `box` covers every plane to come; its bricks have been counted against the limits.
  BrickBuilder(const Box& box, BlobWriter& out);

  // Plane `z`, ascending; `runs` must stay until finish(). `values` are those of the runs in raster order, native
  // byte order, or empty when the plane has none. All planes with values have the same `grey` (Code::corrupt).
  Result<void> add(std::int64_t z, const PlaneRuns& runs, Grey grey, Bytes values, const GreyValue& background);

  // Writes what is left and the indexes, and fills in domain.box, voxels, index and all of `values`.
  Result<void> finish(DomainNode& domain, ValuesNode& values);

  [[nodiscard]] std::size_t held() const { return held_; }  // bytes of values waiting

 private:
  struct Plane {
    const PlaneRuns* runs = nullptr;
    Bytes values;
    std::vector<std::uint64_t> line_values;  // voxels before each line, when there are values and lines
  };
  // Where a line of a brick row stands while columns are made from left to right.
  struct Cursor {
    std::span<const Run> runs;
    const std::uint8_t* values = nullptr;
  };

  Result<void> flush();
  Result<void> flush_row(std::int64_t by);
  void place_cursors(std::int64_t by);
  void mark_breaks();
  Mask column_mask(std::int64_t left);
  Result<void> store_values(std::int64_t brick, const Mask& mask, std::int64_t left);

  Lattice lattice_;
  BrickSink sink_;
  std::array<Plane, kBrickSide> slab_;
  std::int64_t slab_z_ = 0;  // brick index of the slab
  bool slab_used_ = false;
  std::size_t held_ = 0;

  std::array<Cursor, 256> cursors_;
  std::vector<std::uint8_t> breaks_;
  Bytes brick_;

  Grey grey_ = Grey::none;
  GreyValue background_;
  bool background_changed_ = false;
  std::uint64_t voxels_ = 0;
  Statistics statistics_;
};

}  // namespace microtome::woolz
