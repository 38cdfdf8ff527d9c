// SPDX-License-Identifier: Apache-2.0
#include "woolz/coordinates.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "woolz/coordinates.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::woolz::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using Narrow = hn::Rebind<std::int32_t, Doubles>;
#if HWY_TARGET == HWY_SCALAR
using Ints = Narrow;
#else
using Ints = hn::Twice<Narrow>;  // places of two vectors of points are worked out together
#endif
using Double = hn::Vec<Doubles>;
using Int = hn::Vec<Ints>;

constexpr std::size_t kMostPixels = 2 * HWY_MAX_BYTES / sizeof(double);

// Nearest voxels along one axis, relative to the lattice's origin; what is far outside is the farthest integer.
class Axis {
 public:
  HWY_ATTR Axis(double add, double origin) : add_(hn::Set(Doubles(), add)), origin_(hn::Set(Doubles(), origin)) {}

  [[nodiscard]] HWY_INLINE HWY_ATTR Int at(const double* HWY_RESTRICT start) const {
#if HWY_TARGET == HWY_SCALAR
    return nearest(start);
#else
    return hn::Combine(Ints(), nearest(start + hn::Lanes(Doubles())), nearest(start));
#endif
  }

 private:
  [[nodiscard]] HWY_INLINE HWY_ATTR hn::Vec<Narrow> nearest(const double* HWY_RESTRICT start) const {
    const Doubles d;
    const Double sum = hn::Add(hn::LoadU(d, start), add_);
    const Double whole = hn::Trunc(hn::Add(sum, hn::CopySign(hn::Set(d, 0.5), sum)));
    return hn::DemoteTo(Narrow(), hn::Sub(whole, origin_));
  }

  Double add_;
  Double origin_;
};

// 16³ voxels in block order, others with x fastest.
template <bool kBlocked>
HWY_INLINE HWY_ATTR Int place_of(Int x, Int y, Int z, int shift) {
  const Ints n;
  const Int low = hn::Set(n, (1 << shift) - 1);
  x = hn::And(x, low);
  y = hn::And(y, low);
  z = hn::And(z, low);
  if constexpr (!kBlocked) {
    return hn::Or(x, hn::Or(hn::ShiftLeftSame(y, shift), hn::ShiftLeftSame(z, 2 * shift)));
  }
  const Int three = hn::Set(n, 3);
  const Int inner =
      hn::Or(hn::And(x, three), hn::Or(hn::ShiftLeft<2>(hn::And(y, three)), hn::ShiftLeft<4>(hn::And(z, three))));
  const Int outer = hn::Or(hn::ShiftLeft<4>(hn::AndNot(three, x)),
                           hn::Or(hn::ShiftLeft<6>(hn::AndNot(three, y)), hn::ShiftLeft<8>(hn::AndNot(three, z))));
  return hn::Or(inner, outer);
}

template <bool kBlocked>
HWY_INLINE void locate_as(const RowPoints& p, const CubeGrid& grid, std::size_t count, std::int32_t* cube,
                          std::int32_t* place) {
  const Ints n;
  const std::size_t lanes = hn::Lanes(n);
  const Axis axis_x(p.add.x, grid.origin.x);
  const Axis axis_y(p.add.y, grid.origin.y);
  const Axis axis_z(p.add.z, grid.origin.z);
  const Int across = hn::Set(n, grid.across);
  const Int layer = hn::Set(n, grid.layer);
  const auto beyond = [&](Int v, std::int32_t low, std::int32_t high)
                          HWY_ATTR { return hn::Or(hn::Lt(v, hn::Set(n, low)), hn::Gt(v, hn::Set(n, high))); };
  const auto some = [&](const double* px, const double* py, const double* pz, std::int32_t* cubes,
                        std::int32_t* places) HWY_ATTR __attribute__((always_inline)) {
    const Int x = axis_x.at(px);
    const Int y = axis_y.at(py);
    const Int z = axis_z.at(pz);
    const auto outside = hn::Or(hn::Or(beyond(x, grid.low[0], grid.high[0]), beyond(y, grid.low[1], grid.high[1])),
                                beyond(z, grid.low[2], grid.high[2]));
    const Int index =
        hn::Add(hn::Add(hn::ShiftRightSame(x, grid.shift), hn::Mul(hn::ShiftRightSame(y, grid.shift), across)),
                hn::Mul(hn::ShiftRightSame(z, grid.shift), layer));
    hn::StoreU(hn::Or(index, hn::VecFromMask(n, outside)), n, cubes);
    hn::StoreU(place_of<kBlocked>(x, y, z, grid.shift), n, places);
  };
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    some(p.x + i, p.y + i, p.z + i, cube + i, place + i);
  }
  if (i < count) {  // callers leave no room behind the end
    double points[3][kMostPixels] = {};
    std::int32_t out[2][kMostPixels];
    const std::size_t left = count - i;
    std::copy_n(p.x + i, left, points[0]);
    std::copy_n(p.y + i, left, points[1]);
    std::copy_n(p.z + i, left, points[2]);
    some(points[0], points[1], points[2], out[0], out[1]);
    std::copy_n(out[0], left, cube + i);
    std::copy_n(out[1], left, place + i);
  }
}

void Locate(const RowPoints& p, const CubeGrid& grid, std::size_t count, std::int32_t* cube, std::int32_t* place) {
  if (grid.blocked) {
    locate_as<true>(p, grid, count, cube, place);
  } else {
    locate_as<false>(p, grid, count, cube, place);
  }
}

}  // namespace microtome::woolz::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::woolz {

HWY_EXPORT(Locate);

void locate(const RowPoints& points, const CubeGrid& grid, std::size_t count, std::int32_t* cube,
            std::int32_t* place) {
  HWY_DYNAMIC_DISPATCH(Locate)(points, grid, count, cube, place);
}

CubeGrid cube_grid(const Lattice& lattice, bool flat, bool blocked, const Box& box) {
  CubeGrid grid;
  const Voxel& o = lattice.origin;
  grid.origin = {static_cast<double>(o.x), static_cast<double>(o.y), static_cast<double>(o.z)};
  const auto side = lattice.side;
  const Box all{
      0, 0, 0, lattice.count.x * side - 1, lattice.count.y * side - 1, lattice.count.z * (flat ? 1 : side) - 1};
  const Box some = all.common({box.x1 - o.x, box.y1 - o.y, box.z1 - o.z, box.x2 - o.x, box.y2 - o.y, box.z2 - o.z});
  const auto whole = [](std::int64_t v) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(v, -1, std::numeric_limits<std::int32_t>::max() - 1));
  };
  grid.low = {whole(some.x1), whole(some.y1), whole(some.z1)};
  grid.high = {whole(some.x2), whole(some.y2), whole(some.z2)};
  grid.blocked = blocked;
  grid.shift = std::countr_zero(static_cast<std::uint64_t>(side));
  grid.across = static_cast<std::int32_t>(lattice.count.x);
  grid.layer = static_cast<std::int32_t>(lattice.count.x * lattice.count.y);
  return grid;
}

}  // namespace microtome::woolz
#endif
