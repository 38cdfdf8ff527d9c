// SPDX-License-Identifier: Apache-2.0
// BitVolume: a dense set of voxels in a box, for the operations that look at neighbours. Rows are 64-bit words, voxel
// x at bit x of its row. Not thread-safe while written.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "woolz/bricks.hpp"
#include "woolz/options.hpp"

namespace microtome::woolz {

class BitVolume {
 public:
  // The domain, in its bricks' box grown by at least `margin` voxels on every side. Code::too_large over the limit.
  static Result<BitVolume> from(const Domain& domain, std::int64_t margin, const BitLimits& limits);
  [[nodiscard]] DomainPtr to_domain() const;

  // By a ball of radius R: plane dz has radius rho = sqrt(max(1, R² - dz²)), its line dy (|dy| <= nearest(rho))
  // half-width trunc(sqrt(rho² - dy²)), 0 below 0.5. Both need a margin of R + 1. Code::too_large, Code::cancelled.
  Result<void> dilate(std::int64_t radius, Work& work, const CancelToken& cancel);
  Result<void> erode(std::int64_t radius, Work& work, const CancelToken& cancel);
  [[nodiscard]] std::uint64_t words() const { return bits_.size(); }
  // Adds what the outside cannot reach through faces. Needs a margin of 1.
  void fill_holes();

 private:
  [[nodiscard]] std::span<std::uint64_t> row(std::int64_t y, std::int64_t z) {
    return std::span(bits_).subspan(static_cast<std::size_t>((z * height_ + y) * words_),
                                    static_cast<std::size_t>(words_));
  }
  [[nodiscard]] std::span<const std::uint64_t> row(std::int64_t y, std::int64_t z) const {
    return std::span(bits_).subspan(static_cast<std::size_t>((z * height_ + y) * words_),
                                    static_cast<std::size_t>(words_));
  }
  void complement();

  Lattice lattice_;          // bricks of the box
  std::int64_t words_ = 0;   // of a row
  std::int64_t height_ = 0;  // voxels
  std::int64_t depth_ = 0;
  std::vector<std::uint64_t> bits_;
};

}  // namespace microtome::woolz
