// SPDX-License-Identifier: Apache-2.0
// BrickSink: writes the bricks of one body into a blob and keeps their indexes. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "woolz/blob.hpp"
#include "woolz/bricks.hpp"
#include "woolz/node.hpp"
#include "woolz/types.hpp"

namespace microtome::woolz {

class BrickSink {
 public:
  BrickSink(const Box& box, BlobWriter& out);

  [[nodiscard]] const Lattice& lattice() const { return lattice_; }
  // The mask of a brick (index in the lattice); equal ones in a row share their place.
  Result<void> mask(std::int64_t brick, const Mask& mask);
  // The same mask as that of another brick.
  void same_mask(std::int64_t brick, std::int64_t as) { domain_[at(brick)] = domain_[at(as)]; }
  [[nodiscard]] bool empty(std::int64_t brick) const { return domain_[at(brick)] == 0; }
  // All values of a brick, x fastest, in native byte order.
  Result<void> values(std::int64_t brick, Grey grey, const Bytes& values);

  // Writes the indexes and fills in domain.box and index, and of `values` what tells where they are.
  Result<void> finish(DomainNode& domain, ValuesNode& values);

 private:
  static std::size_t at(std::int64_t brick) { return static_cast<std::size_t>(brick); }

  Box box_;
  Lattice lattice_;
  BlobWriter& out_;
  std::vector<std::uint32_t> domain_;
  std::vector<std::uint32_t> values_;  // empty until there are some
  Mask last_mask_;
  std::uint32_t last_entry_ = 0;
  std::uint64_t chunk_offset_ = 0;  // masks come in pages, so that values stay aligned to pages
  std::size_t chunk_used_ = 0;
  Bytes blocked_;  // a brick in block order
};

}  // namespace microtome::woolz
