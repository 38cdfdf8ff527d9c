// SPDX-License-Identifier: Apache-2.0
// Evaluator: what evaluate() is made of. evaluate.cpp combines sets, evaluate_voxels.cpp looks at the voxels of one.
// Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "woolz/evaluate.hpp"

namespace microtome::woolz::detail {

inline BodyPtr domain_only(DomainPtr domain) {
  return std::make_shared<Body>(Body{std::move(domain), nullptr, false});
}

inline DomainPtr empty_domain() {
  return Domain::make({}, {}, {});
}

class MaskCollector {
 public:
  explicit MaskCollector(const Box& box) : box_(box), index_(static_cast<std::size_t>(brick_lattice(box).size())) {}
  void put(std::size_t brick, const Mask& mask) {
    const auto& rows = mask.rows;
    if (std::all_of(rows.begin(), rows.end(), [](std::uint16_t r) { return r == 0xffff; })) {
      index_[brick] = 1;
    } else if (std::any_of(rows.begin(), rows.end(), [](std::uint16_t r) { return r != 0; })) {
      masks_.push_back(mask);
      index_[brick] = static_cast<std::uint32_t>(masks_.size() + 1);
    }
  }
  void put_all(std::size_t brick) { index_[brick] = 1; }
  DomainPtr take() { return Domain::make(box_, std::move(index_), std::move(masks_)); }

 private:
  Box box_;
  std::vector<std::uint32_t> index_;
  std::vector<Mask> masks_;
};

// visit(number, brick in space) over all bricks of `box`.
template <class Visit>
void over_bricks(const Box& box, const Visit& visit) {
  const Lattice l = brick_lattice(box);
  const Voxel o{floor_brick(l.origin.x), floor_brick(l.origin.y), floor_brick(l.origin.z)};
  std::size_t number = 0;
  for (std::int64_t z = 0; z < l.count.z; ++z) {
    for (std::int64_t y = 0; y < l.count.y; ++y) {
      for (std::int64_t x = 0; x < l.count.x; ++x) {
        visit(number++, Voxel{o.x + x, o.y + y, o.z + z});
      }
    }
  }
}

class Evaluator {
 public:
  Evaluator(const Object& object, const EvaluateLimits& limits, const CancelToken& cancel, Work& work)
      : object_(object), limits_(limits), cancel_(cancel), work_(work) {}
  Result<BodyPtr> run(const Expression& e);

 private:
  Result<BodyPtr> compute(const Expression& e);
  Result<BodyPtr> member(std::int64_t index) const;
  Result<std::vector<BodyPtr>> operands(const Expression& e);
  Result<BodyPtr> unite(const Expression& e);
  Result<BodyPtr> occupancy(const Expression& e);
  Result<BodyPtr> pair(const Expression& e);
  Result<BodyPtr> neighbours(const Expression& e, const Body& body) const;
  Result<BodyPtr> threshold(const Expression& e, const Body& body) const;
  Result<BodyPtr> set_value(const Expression& e, const Body& body) const;
  Result<ValuesPtr> clean_values(const Body& body) const;
  [[nodiscard]] Result<void> affordable(const Box& box, std::size_t bytes_per_brick) const;

  const Object& object_;
  const EvaluateLimits& limits_;
  const CancelToken& cancel_;
  Work& work_;
};

}  // namespace microtome::woolz::detail
