// SPDX-License-Identifier: Apache-2.0
#include "pixel/rows.hpp"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "pixel/rows.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::pixel::rows {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE hn::Vec<D> load_floats(D d, const std::uint8_t* from) {
  const hn::Rebind<std::uint8_t, D> bytes;
  const hn::Rebind<std::int32_t, D> integers;
  return hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(bytes, from)));
}
template <class D>
HWY_INLINE hn::Vec<D> load_floats(D d, const std::uint16_t* from) {
  const hn::Rebind<std::uint16_t, D> shorts;
  const hn::Rebind<std::int32_t, D> integers;
  return hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(shorts, from)));
}
template <class D>
HWY_INLINE hn::Vec<D> load_floats(D d, const float* from) {
  return hn::LoadU(d, from);
}

// What each sample of a vector of whole pixels is multiplied by: its pixel's alpha, and 1 for alpha itself.
template <int kAlphaOf, class D>
HWY_INLINE hn::Vec<D> alpha_factors(D d, hn::Vec<D> value) {
#if HWY_TARGET != HWY_SCALAR
  const hn::RebindToUnsigned<D> bits;
  if constexpr (kAlphaOf == 2) {
    return hn::OddEven(hn::Set(d, 1.0F), hn::DupOdd(value));
  } else if constexpr (kAlphaOf == 4) {
    const auto last = hn::Eq(hn::And(hn::Iota(bits, 0), hn::Set(bits, 3)), hn::Set(bits, 3));
    return hn::IfThenElse(hn::RebindMask(d, last), hn::Set(d, 1.0F), hn::Broadcast<3>(value));
  }
#endif
  (void)value;
  return hn::Set(d, 1.0F);
}

template <int kAlphaOf, class D, class T>
HWY_INLINE hn::Vec<D> load_weighted(D d, const T* from) {
  const auto value = load_floats(d, from);
  return kAlphaOf == 0 ? value : hn::Mul(value, alpha_factors<kAlphaOf>(d, value));
}

// A sample of a row, times its alpha.
template <int kAlphaOf, class T>
HWY_INLINE float load_one(const T* row, std::size_t i) {
  if constexpr (kAlphaOf != 0) {
    const std::size_t alpha = i / kAlphaOf * kAlphaOf + kAlphaOf - 1;
    return static_cast<float>(row[i]) * (i == alpha ? 1.0F : static_cast<float>(row[alpha]));
  } else {
    return static_cast<float>(row[i]);
  }
}

// Four vectors at a time stay in registers while all rows are added, so that `out` is written once.
template <int kAlphaOf, class T>
HWY_INLINE void blend_as(const T* const* rows, std::size_t taps, const float* weights, std::size_t count,
                         float* out) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    auto sum0 = hn::Zero(d);
    auto sum1 = sum0;
    auto sum2 = sum0;
    auto sum3 = sum0;
    for (std::size_t t = 0; t < taps; ++t) {
      const T* row = rows[t] + i;
      const auto weight = hn::Set(d, weights[t]);
      sum0 = hn::MulAdd(load_weighted<kAlphaOf>(d, row), weight, sum0);
      sum1 = hn::MulAdd(load_weighted<kAlphaOf>(d, row + lanes), weight, sum1);
      sum2 = hn::MulAdd(load_weighted<kAlphaOf>(d, row + 2 * lanes), weight, sum2);
      sum3 = hn::MulAdd(load_weighted<kAlphaOf>(d, row + 3 * lanes), weight, sum3);
    }
    hn::StoreU(sum0, d, out + i);
    hn::StoreU(sum1, d, out + i + lanes);
    hn::StoreU(sum2, d, out + i + 2 * lanes);
    hn::StoreU(sum3, d, out + i + 3 * lanes);
  }
#endif
  for (; i < count; ++i) {
    float sum = 0;
    for (std::size_t t = 0; t < taps; ++t) {
      sum += load_one<kAlphaOf>(rows[t], i) * weights[t];
    }
    out[i] = sum;
  }
}

template <class T>
HWY_INLINE void blend(const T* const* rows, std::size_t taps, const float* weights, std::size_t count, int alpha_of,
                      float* out) {
  if (alpha_of == 4) {
    blend_as<4>(rows, taps, weights, count, out);
  } else if (alpha_of == 2) {
    blend_as<2>(rows, taps, weights, count, out);
  } else {
    blend_as<0>(rows, taps, weights, count, out);
  }
}

void blend_u8(const std::uint8_t* const* rows, std::size_t taps, const float* weights, std::size_t count,
              int alpha_of, float* out) {
  blend(rows, taps, weights, count, alpha_of, out);
}
void blend_u16(const std::uint16_t* const* rows, std::size_t taps, const float* weights, std::size_t count,
               int alpha_of, float* out) {
  blend(rows, taps, weights, count, alpha_of, out);
}
void blend_f32(const float* const* rows, std::size_t taps, const float* weights, std::size_t count, int alpha_of,
               float* out) {
  blend(rows, taps, weights, count, alpha_of, out);
}

template <int kAlphaOf>
HWY_INLINE void divide_as(float* pixels, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const auto value = hn::LoadU(d, pixels + i);
    const auto alpha = alpha_factors<kAlphaOf>(d, value);
    const auto clear = hn::Le(alpha, hn::Zero(d));
    hn::StoreU(hn::IfThenZeroElse(clear, hn::Div(value, alpha)), d, pixels + i);
  }
#endif
  for (; i < count; ++i) {
    const std::size_t at = i / kAlphaOf * kAlphaOf + kAlphaOf - 1;
    if (i != at) {
      pixels[i] = pixels[at] > 0 ? pixels[i] / pixels[at] : 0;
    }
  }
}

void divide_any(float* pixels, std::size_t count, int alpha_of) {
  if (alpha_of == 4) {
    divide_as<4>(pixels, count);
  } else {
    divide_as<2>(pixels, count);
  }
}

// One pixel of up to four channels is one small vector; what is loaded and stored beyond it is overwritten later.
template <int kChannels>
HWY_INLINE void gather(const Taps& taps, const float* in, float* out) {
  const hn::CappedTag<float, kChannels == 1 ? 1 : kChannels == 2 ? 2 : 4> d;
  for (std::size_t i = 0; i < taps.firsts.size(); ++i, out += kChannels) {
    const float* weight = taps.weights.data() + taps.starts[i];
    const std::size_t count = taps.starts[i + 1] - taps.starts[i];
    const float* pixel = in + static_cast<std::size_t>(taps.firsts[i]) * kChannels;
    auto even = hn::Zero(d);
    auto odd = even;
    std::size_t t = 0;
    for (; t + 2 <= count; t += 2, pixel += 2 * kChannels) {
      even = hn::MulAdd(hn::LoadU(d, pixel), hn::Set(d, weight[t]), even);
      odd = hn::MulAdd(hn::LoadU(d, pixel + kChannels), hn::Set(d, weight[t + 1]), odd);
    }
    if (t < count) {
      even = hn::MulAdd(hn::LoadU(d, pixel), hn::Set(d, weight[t]), even);
    }
    hn::StoreU(hn::Add(even, odd), d, out);
  }
}

// A vector of samples at a time: their t-th taps lie within two vectors of the source as long as a picture is made
// about half as wide at most; beyond that they are loaded one by one.
HWY_INLINE void gather_columns(const Taps& taps, const float* in, std::size_t channels, float* out) {
  const std::size_t count = taps.samples.size();
  const std::size_t most = taps.columns.size() / std::max<std::size_t>(count, 1);
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> whole;
  const std::size_t lanes = hn::Lanes(d);
  const auto last_lane = hn::Set(whole, static_cast<std::int32_t>(lanes) - 1);
  for (; i + lanes <= count; i += lanes) {
    // The leftmost one is the first, or else the first channel of the next pixel, which may be the same one again.
    const std::size_t next = std::min((i + channels - 1) / channels * channels, count - 1);
    const std::int32_t base = std::min(taps.samples[i], taps.samples[next]);
    const auto places = hn::Sub(hn::LoadU(whole, taps.samples.data() + i), hn::Set(whole, base));
    const float* from = in + base;
    const float* weight = taps.columns.data() + i;
    auto sum = hn::Zero(d);
    if (hn::AllTrue(whole, hn::Lt(places, hn::Set(whole, 2 * static_cast<std::int32_t>(lanes))))) {
      const auto lane = hn::IndicesFromVec(d, hn::And(places, last_lane));
      const auto upper = hn::RebindMask(d, hn::Gt(places, last_lane));
      for (std::size_t t = 0; t < most; ++t, from += channels, weight += count) {
        const auto low = hn::TableLookupLanes(hn::LoadU(d, from), lane);
        const auto high = hn::TableLookupLanes(hn::LoadU(d, from + lanes), lane);
        sum = hn::MulAdd(hn::IfThenElse(upper, high, low), hn::LoadU(d, weight), sum);
      }
    } else {
      for (std::size_t t = 0; t < most; ++t, from += channels, weight += count) {
        sum = hn::MulAdd(hn::GatherIndex(d, from, places), hn::LoadU(d, weight), sum);
      }
    }
    hn::StoreU(sum, d, out + i);
  }
#endif
  for (; i < count; ++i) {
    float sum = 0;
    for (std::size_t t = 0; t < most; ++t) {
      sum += in[static_cast<std::size_t>(taps.samples[i]) + t * channels] * taps.columns[t * count + i];
    }
    out[i] = sum;
  }
}

// Vectors of fewer than four lanes (the scalar fallback of Highway) cannot hold a pixel.
void gather_scalar(const Taps& taps, const float* in, int channels, float* out) {
  for (std::size_t i = 0; i < taps.firsts.size(); ++i) {
    for (int c = 0; c < channels; ++c, ++out) {
      const float* pixel = in + static_cast<std::size_t>(taps.firsts[i]) * channels + c;
      float sum = 0;
      for (std::size_t t = taps.starts[i]; t < taps.starts[i + 1]; ++t, pixel += channels) {
        sum += *pixel * taps.weights[t];
      }
      *out = sum;
    }
  }
}

void gather_any(const Taps& taps, const float* in, int channels, float* out) {
  if (!taps.samples.empty()) {
    return gather_columns(taps, in, static_cast<std::size_t>(channels), out);
  }
#if HWY_TARGET == HWY_SCALAR
  gather_scalar(taps, in, channels, out);
#else
  switch (channels) {
    case 1:
      return gather<1>(taps, in, out);
    case 2:
      return gather<2>(taps, in, out);
    case 3:
      return gather<3>(taps, in, out);
    case 4:
      return gather<4>(taps, in, out);
    default:
      return gather_scalar(taps, in, channels, out);
  }
#endif
}

template <class T>
HWY_INLINE void store_rounded(const float* in, std::size_t count, float down, T* out) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<T, decltype(d)> narrow;
  const std::size_t lanes = hn::Lanes(d);
  const auto less = hn::Set(d, down);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::DemoteTo(narrow, hn::NearestInt(hn::Sub(hn::LoadU(d, in + i), less))), narrow, out + i);
  }
  constexpr float kMost = static_cast<float>(static_cast<T>(-1));
  for (; i < count; ++i) {
    out[i] = static_cast<T>(std::nearbyint(std::clamp(in[i] - down, 0.0F, kMost)));
  }
}

void to_u8(const float* in, std::size_t count, float down, std::uint8_t* out) {
  store_rounded(in, count, down, out);
}
void to_u16(const float* in, std::size_t count, float down, std::uint16_t* out) {
  store_rounded(in, count, down, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace microtome::pixel::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::pixel::rows {

HWY_EXPORT(blend_u8);
HWY_EXPORT(blend_u16);
HWY_EXPORT(blend_f32);
HWY_EXPORT(divide_any);
HWY_EXPORT(gather_any);
HWY_EXPORT(to_u8);
HWY_EXPORT(to_u16);

void blend_rows(std::span<const std::uint8_t* const> rows, const float* weights, std::size_t count, int alpha_of,
                float* out) {
  HWY_DYNAMIC_DISPATCH(blend_u8)(rows.data(), rows.size(), weights, count, alpha_of, out);
}
void blend_rows(std::span<const std::uint16_t* const> rows, const float* weights, std::size_t count, int alpha_of,
                float* out) {
  HWY_DYNAMIC_DISPATCH(blend_u16)(rows.data(), rows.size(), weights, count, alpha_of, out);
}
void blend_rows(std::span<const float* const> rows, const float* weights, std::size_t count, int alpha_of,
                float* out) {
  HWY_DYNAMIC_DISPATCH(blend_f32)(rows.data(), rows.size(), weights, count, alpha_of, out);
}

void divide_by_alpha(float* pixels, std::size_t count, int alpha_of) {
  HWY_DYNAMIC_DISPATCH(divide_any)(pixels, count, alpha_of);
}

void gather_taps(const Taps& taps, const float* in, int channels, float* out) {
  HWY_DYNAMIC_DISPATCH(gather_any)(taps, in, channels, out);
}

void floats_to_u8(const float* in, std::size_t count, float down, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(to_u8)(in, count, down, out);
}
void floats_to_u16(const float* in, std::size_t count, float down, std::uint16_t* out) {
  HWY_DYNAMIC_DISPATCH(to_u16)(in, count, down, out);
}

}  // namespace microtome::pixel::rows
#endif  // HWY_ONCE
