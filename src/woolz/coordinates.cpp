// SPDX-License-Identifier: Apache-2.0
#include "woolz/coordinates.hpp"

#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "woolz/coordinates.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::woolz::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kMostLanes = HWY_MAX_BYTES / sizeof(double);

// One vector of pixels at a time.
class Locator {
 public:
  using D = hn::ScalableTag<double>;
  using N = hn::Rebind<std::int32_t, D>;
  using V = hn::Vec<D>;
  using I = hn::Vec<N>;

  explicit Locator(const CubeGrid& grid) : grid_(grid) {}

  HWY_ATTR void At(const double* HWY_RESTRICT px, const double* HWY_RESTRICT py, const double* HWY_RESTRICT pz,
                   const Vec3& add, std::int32_t* HWY_RESTRICT cube, std::int32_t* HWY_RESTRICT voxel,
                   std::int32_t* HWY_RESTRICT blocked) const {
    const D d;
    const N n;
    const V x = Nearest(hn::LoadU(d, px), add.x, grid_.origin.x);
    const V y = Nearest(hn::LoadU(d, py), add.y, grid_.origin.y);
    const V z = Nearest(hn::LoadU(d, pz), add.z, grid_.origin.z);
    const auto inside = hn::And(hn::And(Between(x, grid_.low.x, grid_.high.x), Between(y, grid_.low.y, grid_.high.y)),
                                Between(z, grid_.low.z, grid_.high.z));
    const V none = hn::Zero(d);
    const I ix = hn::DemoteTo(n, hn::IfThenElse(inside, x, none));
    const I iy = hn::DemoteTo(n, hn::IfThenElse(inside, y, none));
    const I iz = hn::DemoteTo(n, hn::IfThenElse(inside, z, none));
    const I out = hn::DemoteTo(n, hn::IfThenElse(inside, none, hn::Set(d, -1.0)));
    const int s = grid_.shift;
    const I across = hn::Set(n, grid_.across);
    const I layer = hn::Set(n, grid_.layer);
    const I index = hn::Add(hn::Add(hn::ShiftRightSame(ix, s), hn::Mul(hn::ShiftRightSame(iy, s), across)),
                            hn::Mul(hn::ShiftRightSame(iz, s), layer));
    hn::StoreU(hn::Or(index, out), n, cube);
    const I low = hn::Set(n, (1 << s) - 1);
    const I vx = hn::And(ix, low);
    const I vy = hn::And(iy, low);
    const I vz = hn::And(iz, low);
    hn::StoreU(hn::Or(vx, hn::Or(hn::ShiftLeftSame(vy, s), hn::ShiftLeftSame(vz, 2 * s))), n, voxel);
    const I three = hn::Set(n, 3);
    const I inner = hn::Or(hn::And(vx, three),
                           hn::Or(hn::ShiftLeft<2>(hn::And(vy, three)), hn::ShiftLeft<4>(hn::And(vz, three))));
    const I outer = hn::Or(hn::ShiftLeft<6>(hn::ShiftRight<2>(vx)),
                           hn::Or(hn::ShiftLeft<8>(hn::ShiftRight<2>(vy)), hn::ShiftLeft<10>(hn::ShiftRight<2>(vz))));
    hn::StoreU(hn::Or(inner, outer), n, blocked);
  }

 private:
  HWY_ATTR static V Nearest(V start, double add, double origin) {
    const D d;
    const V sum = hn::Add(start, hn::Set(d, add));
    return hn::Sub(hn::Trunc(hn::Add(sum, hn::CopySign(hn::Set(d, 0.5), sum))), hn::Set(d, origin));
  }
  HWY_ATTR static hn::Mask<D> Between(V v, double low, double high) {
    const D d;
    return hn::And(hn::Ge(v, hn::Set(d, low)), hn::Le(v, hn::Set(d, high)));
  }

  const CubeGrid& grid_;
};

void Locate(const RowPoints& p, const CubeGrid& grid, std::size_t count, std::int32_t* cube, std::int32_t* voxel,
            std::int32_t* blocked) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<double>());
  const Locator locator(grid);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    locator.At(p.x + i, p.y + i, p.z + i, p.add, cube + i, voxel + i, blocked + i);
  }
  if (i < count) {  // callers leave no room behind the end
    HWY_ALIGN double x[kMostLanes] = {};
    HWY_ALIGN double y[kMostLanes] = {};
    HWY_ALIGN double z[kMostLanes] = {};
    HWY_ALIGN std::int32_t out[3][kMostLanes] = {};
    for (std::size_t k = i; k < count; ++k) {
      x[k - i] = p.x[k];
      y[k - i] = p.y[k];
      z[k - i] = p.z[k];
    }
    locator.At(x, y, z, p.add, out[0], out[1], out[2]);
    for (std::size_t k = i; k < count; ++k) {
      cube[k] = out[0][k - i];
      voxel[k] = out[1][k - i];
      blocked[k] = out[2][k - i];
    }
  }
}

}  // namespace microtome::woolz::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::woolz {

HWY_EXPORT(Locate);

void locate(const RowPoints& points, const CubeGrid& grid, std::size_t count, std::int32_t* cube, std::int32_t* voxel,
            std::int32_t* blocked) {
  HWY_DYNAMIC_DISPATCH(Locate)(points, grid, count, cube, voxel, blocked);
}

CubeGrid cube_grid(const Lattice& lattice, bool flat, const Box& box) {
  CubeGrid grid;
  const Voxel& o = lattice.origin;
  grid.origin = {static_cast<double>(o.x), static_cast<double>(o.y), static_cast<double>(o.z)};
  const auto side = lattice.side;
  const Box all{
      0, 0, 0, lattice.count.x * side - 1, lattice.count.y * side - 1, lattice.count.z * (flat ? 1 : side) - 1};
  const Box some = all.common({box.x1 - o.x, box.y1 - o.y, box.z1 - o.z, box.x2 - o.x, box.y2 - o.y, box.z2 - o.z});
  grid.low = {static_cast<double>(some.x1), static_cast<double>(some.y1), static_cast<double>(some.z1)};
  grid.high = {static_cast<double>(some.x2), static_cast<double>(some.y2), static_cast<double>(some.z2)};
  grid.shift = std::countr_zero(static_cast<std::uint64_t>(side));
  grid.across = static_cast<std::int32_t>(lattice.count.x);
  grid.layer = static_cast<std::int32_t>(lattice.count.x * lattice.count.y);
  return grid;
}

}  // namespace microtome::woolz
#endif
