// SPDX-License-Identifier: Apache-2.0
#include "woolz/transform.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "woolz/geometry.hpp"

namespace microtome::woolz {
namespace {

using Matrix = std::array<double, 16>;

Vec3 apply(const Matrix& m, const Vec3& p) {
  return {m[0] * p.x + m[1] * p.y + m[2] * p.z + m[3], m[4] * p.x + m[5] * p.y + m[6] * p.z + m[7],
          m[8] * p.x + m[9] * p.y + m[10] * p.z + m[11]};
}

std::optional<Matrix> inverse(const Matrix& m) {
  const double c0 = m[5] * m[10] - m[6] * m[9];
  const double c1 = m[6] * m[8] - m[4] * m[10];
  const double c2 = m[4] * m[9] - m[5] * m[8];
  const double det = m[0] * c0 + m[1] * c1 + m[2] * c2;
  if (!std::isfinite(det) || std::abs(det) < 1e-12) {
    return std::nullopt;
  }
  Matrix r{};
  r[0] = c0 / det;
  r[1] = (m[2] * m[9] - m[1] * m[10]) / det;
  r[2] = (m[1] * m[6] - m[2] * m[5]) / det;
  r[4] = c1 / det;
  r[5] = (m[0] * m[10] - m[2] * m[8]) / det;
  r[6] = (m[2] * m[4] - m[0] * m[6]) / det;
  r[8] = c2 / det;
  r[9] = (m[1] * m[8] - m[0] * m[9]) / det;
  r[10] = (m[0] * m[5] - m[1] * m[4]) / det;
  const Vec3 t = apply(r, {m[3], m[7], m[11]});
  r[3] = -t.x;
  r[7] = -t.y;
  r[11] = -t.z;
  r[15] = 1;
  return r;
}

// Bounds of the nearest voxels of the transformed corners.
std::optional<Box> bounds(const Box& box, const Matrix& m) {
  Box out;
  for (const std::int64_t x : {box.x1, box.x2}) {
    for (const std::int64_t y : {box.y1, box.y2}) {
      for (const std::int64_t z : {box.z1, box.z2}) {
        const Vec3 p = apply(m, {static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)});
        if (!(std::abs(p.x) < 1e9 && std::abs(p.y) < 1e9 && std::abs(p.z) < 1e9)) {
          return std::nullopt;
        }
        const Voxel v{static_cast<std::int64_t>(nearest(p.x)), static_cast<std::int64_t>(nearest(p.y)),
                      static_cast<std::int64_t>(nearest(p.z))};
        out = out.around({v.x, v.y, v.z, v.x, v.y, v.z});
      }
    }
  }
  return out;
}

class Resampler {
 public:
  Resampler(const Body& body, const Matrix& back, const Box& box)
      : body_(body), back_(back), box_(box), lattice_(brick_lattice(box)) {
    constexpr double kHalf = (kBrickSide - 1) / 2.0;
    reach_ = {kHalf * (std::abs(back[0]) + std::abs(back[1]) + std::abs(back[2])) + 1,
              kHalf * (std::abs(back[4]) + std::abs(back[5]) + std::abs(back[6])) + 1,
              kHalf * (std::abs(back[8]) + std::abs(back[9]) + std::abs(back[10])) + 1};
  }

  // Bricks that have to be made: those that may meet the domain.
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t bricks = 0;
    each([&](std::size_t, const Voxel&) { ++bricks; });
    return bricks;
  }

  Transformed run() {
    index_.resize(at(lattice_.size()));
    value_index_.resize(body_.values ? at(lattice_.size()) : 0);
    each([&](std::size_t brick, const Voxel& origin) { one(brick, origin); });
    auto body = std::make_shared<Body>();
    body->domain = Domain::make(box_, std::move(index_), std::move(masks_));
    if (body_.values) {
      const std::size_t bytes = kBrickVoxels * bytes_of(body_.values->grey());
      body->values = Values::make(body_.values->grey(), body_.values->background(), lattice_, std::move(value_index_),
                                  std::move(data_), bytes);
      body->clean = false;
    }
    return {std::move(body), box_};
  }

 private:
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  template <class Visit>
  void each(const Visit& visit) const {
    std::size_t brick = 0;
    for (std::int64_t bz = 0; bz < lattice_.count.z; ++bz) {
      for (std::int64_t by = 0; by < lattice_.count.y; ++by) {
        for (std::int64_t bx = 0; bx < lattice_.count.x; ++bx, ++brick) {
          const Voxel origin{lattice_.origin.x + bx * kBrickSide, lattice_.origin.y + by * kBrickSide,
                             lattice_.origin.z + bz * kBrickSide};
          if (may_meet(origin)) {
            visit(brick, origin);
          }
        }
      }
    }
  }

  [[nodiscard]] bool may_meet(const Voxel& origin) const {
    constexpr double kMiddle = (kBrickSide - 1) / 2.0;
    const Vec3 p = apply(back_, {static_cast<double>(origin.x) + kMiddle, static_cast<double>(origin.y) + kMiddle,
                                 static_cast<double>(origin.z) + kMiddle});
    const Box& b = body_.domain->box();
    const auto meets = [](double middle, double reach, std::int64_t low, std::int64_t high) {
      return middle + reach >= static_cast<double>(low) && middle - reach <= static_cast<double>(high);
    };
    return meets(p.x, reach_.x, b.x1, b.x2) && meets(p.y, reach_.y, b.y1, b.y2) && meets(p.z, reach_.z, b.z1, b.z2);
  }

  void one(std::size_t brick, const Voxel& origin) {
    Mask mask;
    const Grey grey = body_.grey();
    const std::size_t size = bytes_of(grey);
    Bytes values(kBrickVoxels * size);
    bool any = false;
    for (std::size_t i = 0; i < kBrickVoxels; ++i) {
      const Voxel v{origin.x + static_cast<std::int64_t>(i & 15), origin.y + static_cast<std::int64_t>((i >> 4) & 15),
                    origin.z + static_cast<std::int64_t>(i >> 8)};
      const Vec3 p = apply(back_, {static_cast<double>(v.x), static_cast<double>(v.y), static_cast<double>(v.z)});
      if (!(std::abs(p.x) < 1e15 && std::abs(p.y) < 1e15 && std::abs(p.z) < 1e15)) {
        continue;
      }
      const Voxel from{static_cast<std::int64_t>(nearest(p.x)), static_cast<std::int64_t>(nearest(p.y)),
                       static_cast<std::int64_t>(nearest(p.z))};
      if (!box_.contains(v) || !body_.domain->contains(from)) {
        continue;
      }
      any = true;
      mask.rows[i >> 4] = static_cast<std::uint16_t>(mask.rows[i >> 4] | 1U << (i & 15));
      if (body_.values) {
        store_value(grey, body_.values->at(from), values.data() + i * size);
      }
    }
    if (!any) {
      return;
    }
    const bool all = std::all_of(mask.rows.begin(), mask.rows.end(), [](std::uint16_t r) { return r == 0xffff; });
    if (!all) {
      masks_.push_back(mask);
    }
    index_[brick] = all ? 1 : static_cast<std::uint32_t>(masks_.size() + 1);
    if (body_.values) {
      data_.insert(data_.end(), values.begin(), values.end());
      value_index_[brick] = static_cast<std::uint32_t>(data_.size() / values.size());
    }
  }

  const Body& body_;
  Matrix back_;
  Box box_;
  Lattice lattice_;
  Vec3 reach_;  // from the middle of a brick to its voxels, in the domain's voxels
  std::vector<std::uint32_t> index_;
  std::vector<std::uint32_t> value_index_;
  std::vector<Mask> masks_;
  Bytes data_;
};

}  // namespace

std::array<double, 16> then(const std::array<double, 16>& inner, const std::array<double, 16>& outer) {
  Matrix out{};
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      for (std::size_t i = 0; i < 4; ++i) {
        out[4 * row + column] += outer[4 * row + i] * inner[4 * i + column];
      }
    }
  }
  return out;
}

Result<Transformed> transformed(const Body& body, const Box& box, const std::array<double, 16>& matrix,
                                TransformBudget& budget) {
  const auto back = inverse(matrix);
  const auto to = bounds(box, matrix);
  if (!back || !to) {
    return fail(Code::corrupt, "the object is broken", "transform without an inverse");
  }
  const auto refuse = [] {
    return fail(Code::too_large, "the object is too large", "transformed object over the limit");
  };
  // Looking at all bricks is cheap beside making one, yet not for nothing.
  constexpr double kLooksForOne = 64;
  const Voxel n = brick_lattice(*to).count;
  const double all = static_cast<double>(n.x) * static_cast<double>(n.y) * static_cast<double>(n.z);
  if (all > kLooksForOne * static_cast<double>(budget.bricks) ||
      all * 2 * sizeof(std::uint32_t) > static_cast<double>(budget.bytes)) {
    return refuse();
  }
  Resampler resampler(body, *back, *to);
  const std::uint64_t bricks = resampler.count();
  const std::uint64_t bytes = bricks * (kMaskBytes + kBrickVoxels * bytes_of(body.grey())) +
                              static_cast<std::uint64_t>(all) * 2 * sizeof(std::uint32_t);
  if (bricks > budget.bricks || bytes > budget.bytes) {
    return refuse();
  }
  budget.bricks -= bricks;
  budget.bytes -= bytes;
  return resampler.run();
}

}  // namespace microtome::woolz
