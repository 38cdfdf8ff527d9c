// SPDX-License-Identifier: Apache-2.0
#include "codec/idct.hpp"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/idct.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

#include "codec/dct_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace microtome::codec {
namespace HWY_NAMESPACE {

#if MICROTOME_DCT_VECTORS

template <int kShift>
HWY_INLINE void pass(Half& v0, Half& v1, Half& v2, Half& v3, Half& v4, Half& v5, Half& v6, Half& v7) {
  const Pairs ends = pairs(v0, v4);
  const Sums sum = combine<1 << kBits, 1 << kBits>(ends);
  const Sums difference = combine<1 << kBits, -(1 << kBits)>(ends);
  const Pairs even = pairs(v2, v6);
  const Sums even3 = combine<kC0541 + kC0765, kC0541>(even);
  const Sums even2 = combine<kC0541, kC0541 - kC1847>(even);
  const Sums e0 = add(sum, even3);
  const Sums e3 = subtract(sum, even3);
  const Sums e1 = add(difference, even2);
  const Sums e2 = subtract(difference, even2);

  const Pairs z = pairs(hn::Add(v7, v3), hn::Add(v5, v1));
  const Sums z3 = combine<kC1175 - kC1961, kC1175>(z);
  const Sums z4 = combine<kC1175, kC1175 - kC0390>(z);
  const Pairs outer = pairs(v7, v1);
  const Pairs inner = pairs(v5, v3);
  const Sums o0 = add(combine<kC0298 - kC0899, -kC0899>(outer), z3);
  const Sums o3 = add(combine<-kC0899, kC1501 - kC0899>(outer), z4);
  const Sums o1 = add(combine<kC2053 - kC2562, -kC2562>(inner), z4);
  const Sums o2 = add(combine<-kC2562, kC3072 - kC2562>(inner), z3);

  v0 = rounded<kShift>(add(e0, o3));
  v7 = rounded<kShift>(subtract(e0, o3));
  v1 = rounded<kShift>(add(e1, o2));
  v6 = rounded<kShift>(subtract(e1, o2));
  v2 = rounded<kShift>(add(e2, o1));
  v5 = rounded<kShift>(subtract(e2, o1));
  v3 = rounded<kShift>(add(e3, o0));
  v4 = rounded<kShift>(subtract(e3, o0));
}

int group() {
  return static_cast<int>(hn::Lanes(Shorts()) / 8);
}

void rows(std::int16_t* coefficients, std::size_t groups, const std::int16_t* steps, std::uint8_t* out,
          std::size_t stride) {
  const Shorts d;
  const hn::Rebind<std::uint8_t, Shorts> bytes;
  const std::size_t lanes = hn::Lanes(d);
  const auto store = [&](Half value, std::uint8_t* to) {
    hn::StoreU(hn::DemoteTo(bytes, hn::SaturatedAdd(value, hn::Set(d, 128))), bytes, to);
  };
  for (std::size_t g = 0; g < groups; ++g, coefficients += 8 * lanes, out += lanes) {
    const auto load = [&](std::size_t row) {
      const Half value = hn::Mul(hn::LoadU(d, coefficients + row * lanes), hn::LoadDup128(d, steps + 8 * row));
      hn::StoreU(hn::Zero(d), d, coefficients + row * lanes);
      return value;
    };
    Half v0 = load(0);
    Half v1 = load(1);
    Half v2 = load(2);
    Half v3 = load(3);
    Half v4 = load(4);
    Half v5 = load(5);
    Half v6 = load(6);
    Half v7 = load(7);
    pass<kBits - kPassBits>(v0, v1, v2, v3, v4, v5, v6, v7);
    transpose(v0, v1, v2, v3, v4, v5, v6, v7);
    pass<kBits + kPassBits + 3>(v0, v1, v2, v3, v4, v5, v6, v7);
    transpose(v0, v1, v2, v3, v4, v5, v6, v7);
    store(v0, out);
    store(v1, out + stride);
    store(v2, out + 2 * stride);
    store(v3, out + 3 * stride);
    store(v4, out + 4 * stride);
    store(v5, out + 5 * stride);
    store(v6, out + 6 * stride);
    store(v7, out + 7 * stride);
  }
}

#else

// One pass over eight values that lie `step` apart; in 64 bits, for broken streams hold any value.
template <int kShift>
void pass(const std::int32_t* in, std::int32_t* out, std::size_t step) {
  const auto value = [&](std::size_t i) { return std::int64_t{in[i * step]}; };
  const std::int64_t sum = (value(0) + value(4)) * (1 << kBits);
  const std::int64_t difference = (value(0) - value(4)) * (1 << kBits);
  const std::int64_t even3 = value(2) * (kC0541 + kC0765) + value(6) * kC0541;
  const std::int64_t even2 = value(2) * kC0541 + value(6) * (kC0541 - kC1847);
  const std::int64_t z3 = (value(7) + value(3)) * (kC1175 - kC1961) + (value(5) + value(1)) * kC1175;
  const std::int64_t z4 = (value(7) + value(3)) * kC1175 + (value(5) + value(1)) * (kC1175 - kC0390);
  const std::int64_t o0 = value(7) * (kC0298 - kC0899) - value(1) * kC0899 + z3;
  const std::int64_t o3 = value(1) * (kC1501 - kC0899) - value(7) * kC0899 + z4;
  const std::int64_t o1 = value(5) * (kC2053 - kC2562) - value(3) * kC2562 + z4;
  const std::int64_t o2 = value(3) * (kC3072 - kC2562) - value(5) * kC2562 + z3;
  const auto put = [&](std::size_t i, std::int64_t value_of) {
    out[i * step] = static_cast<std::int32_t>(
        std::clamp<std::int64_t>((value_of + (1 << (kShift - 1))) >> kShift, -32768, 32767));
  };
  put(0, sum + even3 + o3);
  put(7, sum + even3 - o3);
  put(1, difference + even2 + o2);
  put(6, difference + even2 - o2);
  put(2, difference - even2 + o1);
  put(5, difference - even2 - o1);
  put(3, sum - even3 + o0);
  put(4, sum - even3 - o0);
}

int group() {
  return 1;
}

void rows(std::int16_t* coefficients, std::size_t groups, const std::int16_t* steps, std::uint8_t* out,
          std::size_t stride) {
  for (std::size_t g = 0; g < groups; ++g, coefficients += 64, out += 8) {
    std::array<std::int32_t, 64> block;
    std::transform(coefficients, coefficients + 64, steps, block.begin(),
                   [](int value, int step) { return static_cast<std::int16_t>(value * step); });
    std::fill_n(coefficients, 64, std::int16_t{0});
    for (std::size_t x = 0; x < 8; ++x) {
      pass<kBits - kPassBits>(block.data() + x, block.data() + x, 8);
    }
    for (std::size_t y = 0; y < 8; ++y) {
      pass<kBits + kPassBits + 3>(block.data() + 8 * y, block.data() + 8 * y, 1);
      for (std::size_t x = 0; x < 8; ++x) {
        out[y * stride + x] = static_cast<std::uint8_t>(std::clamp(block[8 * y + x] + 128, 0, 255));
      }
    }
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace microtome::codec
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::codec {

HWY_EXPORT(group);
HWY_EXPORT(rows);

int idct_group() {
  return HWY_DYNAMIC_DISPATCH(group)();
}

void idct_rows(std::int16_t* coefficients, std::size_t groups, std::span<const std::int16_t, 64> steps,
               std::uint8_t* out, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(rows)(coefficients, groups, steps.data(), out, stride);
}

}  // namespace microtome::codec
#endif  // HWY_ONCE
