// SPDX-License-Identifier: Apache-2.0
// The kernels of rows that stay bytes: halving, alpha put behind colours and taken away.
#include <algorithm>

#include "pixel/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "pixel/rows_bytes.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::pixel::rows {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Sums of neighbouring bytes as 16 bits.
template <class V>
HWY_INLINE auto pair_sums(V bytes) {
  const hn::RepartitionToWide<hn::DFromV<V>> wide;
  const auto both = hn::BitCast(wide, bytes);
  return hn::Add(hn::And(both, hn::Set(wide, 0xFF)), hn::ShiftRight<8>(both));
}

template <class V>
HWY_INLINE auto mean_of_four(V upper, V lower) {
  const hn::RepartitionToWide<hn::DFromV<V>> wide;
  const hn::RebindToSigned<decltype(wide)> signed_wide;
  const hn::Rebind<std::uint8_t, decltype(wide)> narrow;
  const auto sum = hn::Add(hn::Add(pair_sums(upper), pair_sums(lower)), hn::Set(wide, 2));
  return hn::DemoteTo(narrow, hn::BitCast(signed_wide, hn::ShiftRight<2>(sum)));
}

template <int kChannels>
HWY_INLINE void shrink(const std::uint8_t* upper, const std::uint8_t* lower, int width, std::uint8_t* out) {
  int x = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<std::uint8_t> d;
  const hn::Half<decltype(d)> half;
  const int step = static_cast<int>(hn::Lanes(d)) / 2;
  for (; x + step <= width; x += step) {
    const std::uint8_t* one = upper + static_cast<std::size_t>(x) * 2 * kChannels;
    const std::uint8_t* two = lower + static_cast<std::size_t>(x) * 2 * kChannels;
    std::uint8_t* to = out + static_cast<std::size_t>(x) * kChannels;
    if constexpr (kChannels == 1) {
      hn::StoreU(mean_of_four(hn::LoadU(d, one), hn::LoadU(d, two)), half, to);
    } else if constexpr (kChannels == 3) {
      hn::Vec<decltype(d)> a0, a1, a2, b0, b1, b2;
      hn::LoadInterleaved3(d, one, a0, a1, a2);
      hn::LoadInterleaved3(d, two, b0, b1, b2);
      hn::StoreInterleaved3(mean_of_four(a0, b0), mean_of_four(a1, b1), mean_of_four(a2, b2), half, to);
    } else {
      hn::Vec<decltype(d)> a0, a1, a2, a3, b0, b1, b2, b3;
      hn::LoadInterleaved4(d, one, a0, a1, a2, a3);
      hn::LoadInterleaved4(d, two, b0, b1, b2, b3);
      hn::StoreInterleaved4(mean_of_four(a0, b0), mean_of_four(a1, b1), mean_of_four(a2, b2), mean_of_four(a3, b3),
                            half, to);
    }
  }
#endif
  for (; x < width; ++x) {
    for (int c = 0; c < kChannels; ++c) {
      const std::size_t at = static_cast<std::size_t>(x) * 2 * kChannels + c;
      out[static_cast<std::size_t>(x) * kChannels + c] =
          static_cast<std::uint8_t>((upper[at] + upper[at + kChannels] + lower[at] + lower[at + kChannels] + 2) >> 2);
    }
  }
}

void shrink_any(const std::uint8_t* upper, const std::uint8_t* lower, int channels, int width, std::uint8_t* out) {
  if (channels == 1) {
    shrink<1>(upper, lower, width, out);
  } else if (channels == 3) {
    shrink<3>(upper, lower, width, out);
  } else {
    shrink<4>(upper, lower, width, out);
  }
}

void add_alpha(const std::uint8_t* in, std::size_t width, std::uint8_t* out) {
  std::size_t x = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<std::uint8_t> d;
  const auto opaque = hn::Set(d, 255);
  for (; x + hn::Lanes(d) <= width; x += hn::Lanes(d)) {
    hn::Vec<decltype(d)> red, green, blue;
    hn::LoadInterleaved3(d, in + x * 3, red, green, blue);
    hn::StoreInterleaved4(red, green, blue, opaque, d, out + x * 4);
  }
#endif
  for (; x < width; ++x) {
    std::copy_n(in + x * 3, 3, out + x * 4);
    out[x * 4 + 3] = 255;
  }
}

void drop_alpha(const std::uint8_t* in, std::size_t width, std::uint8_t* out) {
  std::size_t x = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<std::uint8_t> d;
  for (; x + hn::Lanes(d) <= width; x += hn::Lanes(d)) {
    hn::Vec<decltype(d)> red, green, blue, alpha;
    hn::LoadInterleaved4(d, in + x * 4, red, green, blue, alpha);
    hn::StoreInterleaved3(red, green, blue, d, out + x * 3);
  }
#endif
  for (; x < width; ++x) {
    std::copy_n(in + x * 4, 3, out + x * 3);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace microtome::pixel::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::pixel::rows {

HWY_EXPORT(shrink_any);
HWY_EXPORT(add_alpha);
HWY_EXPORT(drop_alpha);

void rgb_to_rgba(const Image& source, Image& out) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(add_alpha);
  for (int y = 0; y < source.height; ++y) {
    kernel(source.row(y), static_cast<std::size_t>(source.width), out.row(y));
  }
}

void rgba_to_rgb(const Image& source, Image& out) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(drop_alpha);
  for (int y = 0; y < source.height; ++y) {
    kernel(source.row(y), static_cast<std::size_t>(source.width), out.row(y));
  }
}

void shrink2_row(const std::uint8_t* upper, const std::uint8_t* lower, int channels, int width, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(shrink_any)(upper, lower, channels, width, out);
}

}  // namespace microtome::pixel::rows
#endif  // HWY_ONCE
