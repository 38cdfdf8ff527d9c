// SPDX-License-Identifier: Apache-2.0
#include "woolz/coordinates.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "woolz/coordinates.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::woolz::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void VoxelIndices(const double* HWY_RESTRICT start, double add, double low, double extent,
                  std::int32_t* HWY_RESTRICT out, std::size_t count) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<std::int32_t, decltype(d)> narrow;
  const std::size_t lanes = hn::Lanes(d);
  const auto plus = hn::Set(d, add);
  const auto half = hn::Set(d, 0.5);
  const auto base = hn::Set(d, low - 1);
  const auto zero = hn::Zero(d);
  const auto most = hn::Set(d, extent + 1);
  const auto index = [&](auto v) HWY_ATTR {
    const auto sum = hn::Add(v, plus);
    const auto rounded = hn::Trunc(hn::Add(sum, hn::CopySign(half, sum)));
    return hn::DemoteTo(narrow, hn::Min(hn::Max(hn::Sub(rounded, base), zero), most));
  };
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(index(hn::LoadU(d, start + i)), narrow, out + i);
  }
  if (i < count) {  // callers leave no room behind the end
    HWY_ALIGN double in[HWY_MAX_BYTES / sizeof(double)] = {};
    HWY_ALIGN std::int32_t result[HWY_MAX_BYTES / sizeof(double)] = {};
    for (std::size_t k = i; k < count; ++k) {
      in[k - i] = start[k];
    }
    hn::StoreU(index(hn::LoadU(d, in)), narrow, result);
    for (std::size_t k = i; k < count; ++k) {
      out[k] = result[k - i];
    }
  }
}

}  // namespace microtome::woolz::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::woolz {

HWY_EXPORT(VoxelIndices);

void voxel_indices(const double* start, double add, double low, double extent, std::int32_t* out, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(VoxelIndices)(start, add, low, extent, out, count);
}

}  // namespace microtome::woolz
#endif
