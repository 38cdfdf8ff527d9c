// SPDX-License-Identifier: Apache-2.0
#include "codec/fdct.hpp"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "codec/zigzag.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/fdct.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

#include "codec/dct_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace microtome::codec {
namespace HWY_NAMESPACE {

// Of the fast transform, times 2^8.
constexpr int kFast0382 = 98;
constexpr int kFast0541 = 139;
constexpr int kFast0707 = 181;
constexpr int kFast1306 = 334;

// Sums and differences of what lies alike from both ends: the first step of either transform, of vectors and of
// numbers.
template <class T>
struct Folded {
  T t0, t1, t2, t3;  // sums, from the ends inwards
  T t4, t5, t6, t7;  // differences, outwards again
};
template <class T>
HWY_INLINE Folded<T> fold(T v0, T v1, T v2, T v3, T v4, T v5, T v6, T v7) {
  return {v0 + v7, v1 + v6, v2 + v5, v3 + v4, v3 - v4, v2 - v5, v1 - v6, v0 - v7};
}

#if MICROTOME_DCT_VECTORS

template <int kFactor>
HWY_INLINE Half times(Half value) {
  return hn::MulHigh(hn::ShiftLeft<2>(value), hn::Set(Shorts(), kFactor << 6));
}

#else

template <int kFactor>
HWY_INLINE std::int32_t times(std::int32_t value) {
  return (value * kFactor) >> 8;
}

#endif

template <class T>
HWY_INLINE void fast_pass(T& v0, T& v1, T& v2, T& v3, T& v4, T& v5, T& v6, T& v7) {
  const auto [t0, t1, t2, t3, t4, t5, t6, t7] = fold(v0, v1, v2, v3, v4, v5, v6, v7);
  const T sum = t0 + t3;
  const T difference = t0 - t3;
  const T inner = t1 + t2;
  v0 = sum + inner;
  v4 = sum - inner;
  const T z1 = times<kFast0707>(t1 - t2 + difference);
  v2 = difference + z1;
  v6 = difference - z1;

  const T t10 = t4 + t5;
  const T t12 = t6 + t7;
  const T z5 = times<kFast0382>(t10 - t12);
  const T z2 = times<kFast0541>(t10) + z5;
  const T z4 = times<kFast1306>(t12) + z5;
  const T z3 = times<kFast0707>(t5 + t6);
  const T z11 = t7 + z3;
  const T z13 = t7 - z3;
  v5 = z13 + z2;
  v3 = z13 - z2;
  v1 = z11 + z4;
  v7 = z11 - z4;
}

#if MICROTOME_DCT_VECTORS

// The first pass keeps kPassBits of precision more, the second one takes them away again.
template <bool kFirst>
HWY_INLINE void forward_pass(Half& v0, Half& v1, Half& v2, Half& v3, Half& v4, Half& v5, Half& v6, Half& v7) {
  constexpr int kShift = kFirst ? kBits - kPassBits : kBits + kPassBits;
  const auto whole = [](Half value) {
    if constexpr (kFirst) {
      return hn::ShiftLeft<kPassBits>(value);
    } else {
      return hn::ShiftRight<kPassBits>(hn::Add(value, hn::Set(Shorts(), 1 << (kPassBits - 1))));
    }
  };
  const auto [t0, t1, t2, t3, t4, t5, t6, t7] = fold(v0, v1, v2, v3, v4, v5, v6, v7);
  const Half t10 = hn::Add(t0, t3);
  const Half t13 = hn::Sub(t0, t3);
  const Half t11 = hn::Add(t1, t2);
  const Half t12 = hn::Sub(t1, t2);
  v0 = whole(hn::Add(t10, t11));
  v4 = whole(hn::Sub(t10, t11));
  const Pairs even = pairs(t13, t12);
  v2 = rounded<kShift>(combine<kC0541 + kC0765, kC0541>(even));
  v6 = rounded<kShift>(combine<kC0541, kC0541 - kC1847>(even));

  const Pairs z = pairs(hn::Add(t4, t6), hn::Add(t5, t7));
  const Sums z3 = combine<kC1175 - kC1961, kC1175>(z);
  const Sums z4 = combine<kC1175, kC1175 - kC0390>(z);
  const Pairs outer = pairs(t4, t7);
  const Pairs inner = pairs(t5, t6);
  v7 = rounded<kShift>(add(combine<kC0298 - kC0899, -kC0899>(outer), z3));
  v1 = rounded<kShift>(add(combine<-kC0899, kC1501 - kC0899>(outer), z4));
  v5 = rounded<kShift>(add(combine<kC2053 - kC2562, -kC2562>(inner), z4));
  v3 = rounded<kShift>(add(combine<-kC2562, kC3072 - kC2562>(inner), z3));
}

HWY_INLINE Half quantised(Half value, const Quantiser& quantiser, std::size_t row) {
  const Shorts d;
  const hn::RebindToUnsigned<Shorts> u;
  const auto step = [&](const std::array<std::uint16_t, 64>& numbers) {
    return hn::LoadDup128(u, numbers.data() + 8 * row);
  };
  const auto sum = hn::Add(hn::BitCast(u, hn::Abs(value)), step(quantiser.add));
  const auto product = hn::MulHigh(hn::MulHigh(sum, step(quantiser.factor)), step(quantiser.scale));
  const Half sign = hn::BroadcastSignBit(value);
  return hn::Sub(hn::Xor(hn::BitCast(d, product), sign), sign);
}

// Where the eight coefficients from 8 * kOut on lie in row kRow of a block, as places of bytes; 0x80 for elsewhere.
template <std::size_t kOut, std::size_t kRow>
struct Gather {
  static constexpr bool kAny = [] {
    bool any = false;
    for (std::size_t i = 0; i < 8; ++i) {
      any = any || kZigzag[8 * kOut + i] / 8 == kRow;
    }
    return any;
  }();
  alignas(16) static constexpr std::array<std::uint8_t, 16> kPlaces = [] {
    std::array<std::uint8_t, 16> places{};
    for (std::size_t i = 0; i < 8; ++i) {
      const std::uint8_t from = kZigzag[8 * kOut + i];
      const bool here = from / 8 == kRow;
      places[2 * i] = here ? static_cast<std::uint8_t>(2 * (from % 8)) : 0x80;
      places[2 * i + 1] = here ? static_cast<std::uint8_t>(2 * (from % 8) + 1) : 0x80;
    }
    return places;
  }();
};

template <std::size_t kOut, std::size_t kRow>
HWY_INLINE Half gather_row(Half row, Half so_far) {
  if constexpr (Gather<kOut, kRow>::kAny) {
    const hn::Repartition<std::uint8_t, Shorts> bytes;
    const auto places = hn::LoadDup128(bytes, Gather<kOut, kRow>::kPlaces.data());
    const auto here = hn::TableLookupBytesOr0(hn::BitCast(bytes, row), places);
    return hn::Or(so_far, hn::BitCast(Shorts(), here));
  } else {
    return so_far;
  }
}

int forward_group() {
  return static_cast<int>(hn::Lanes(Shorts()) / 8);
}

template <Dct kDct>
HWY_INLINE void forward(const std::array<const std::uint8_t*, 8>& rows, std::size_t groups,
                        const Quantiser& quantiser, std::int16_t* coefficients, std::uint64_t* nonzero) {
  const Shorts d;
  const hn::Rebind<std::uint8_t, Shorts> bytes;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t blocks = lanes / 8;
  for (std::size_t g = 0; g < groups; ++g, coefficients += 8 * lanes, nonzero += blocks) {
    const auto load = [&](std::size_t row) {
      return hn::Sub(hn::PromoteTo(d, hn::LoadU(bytes, rows[row] + g * lanes)), hn::Set(d, 128));
    };
    Half v0 = load(0);
    Half v1 = load(1);
    Half v2 = load(2);
    Half v3 = load(3);
    Half v4 = load(4);
    Half v5 = load(5);
    Half v6 = load(6);
    Half v7 = load(7);
    transpose(v0, v1, v2, v3, v4, v5, v6, v7);
    if constexpr (kDct == Dct::fast) {
      fast_pass(v0, v1, v2, v3, v4, v5, v6, v7);
      transpose(v0, v1, v2, v3, v4, v5, v6, v7);
      fast_pass(v0, v1, v2, v3, v4, v5, v6, v7);
    } else {
      forward_pass<true>(v0, v1, v2, v3, v4, v5, v6, v7);
      transpose(v0, v1, v2, v3, v4, v5, v6, v7);
      forward_pass<false>(v0, v1, v2, v3, v4, v5, v6, v7);
    }
    v0 = quantised(v0, quantiser, 0);
    v1 = quantised(v1, quantiser, 1);
    v2 = quantised(v2, quantiser, 2);
    v3 = quantised(v3, quantiser, 3);
    v4 = quantised(v4, quantiser, 4);
    v5 = quantised(v5, quantiser, 5);
    v6 = quantised(v6, quantiser, 6);
    v7 = quantised(v7, quantiser, 7);
    std::array<std::uint8_t, 32 + 8> bits;  // of eight coefficients of each block, then of the next eight
    const auto put = [&]<std::size_t kOut>(std::integral_constant<std::size_t, kOut> /*out*/) {
      Half out = gather_row<kOut, 0>(v0, hn::Zero(d));
      out = gather_row<kOut, 1>(v1, out);
      out = gather_row<kOut, 2>(v2, out);
      out = gather_row<kOut, 3>(v3, out);
      out = gather_row<kOut, 4>(v4, out);
      out = gather_row<kOut, 5>(v5, out);
      out = gather_row<kOut, 6>(v6, out);
      out = gather_row<kOut, 7>(v7, out);
      hn::StoreU(out, d, coefficients + kOut * lanes);
      hn::StoreMaskBits(d, hn::Ne(out, hn::Zero(d)), bits.data() + kOut * blocks);
    };
    [&]<std::size_t... kOut>(std::index_sequence<kOut...> /*all*/) {
      (put(std::integral_constant<std::size_t, kOut>()), ...);
    }(std::make_index_sequence<8>());
    for (std::size_t block = 0; block < blocks; ++block) {
      nonzero[block] = [&]<std::size_t... kByte>(std::index_sequence<kByte...> /*all*/) {
        return (... | (std::uint64_t{bits[kByte * blocks + block]} << (8 * kByte)));
      }(std::make_index_sequence<8>());
    }
  }
}

void forward_rows(const std::array<const std::uint8_t*, 8>& rows, std::size_t groups, const Quantiser& quantiser,
                  std::int16_t* coefficients, std::uint64_t* nonzero) {
  if (quantiser.dct == Dct::fast) {
    forward<Dct::fast>(rows, groups, quantiser, coefficients, nonzero);
  } else {
    forward<Dct::accurate>(rows, groups, quantiser, coefficients, nonzero);
  }
}

#else

// One pass over eight values that lie `step` apart.
template <bool kFirst>
void forward_pass(std::int32_t* values, std::size_t step) {
  constexpr int kShift = kFirst ? kBits - kPassBits : kBits + kPassBits;
  const auto at = [&](std::size_t i) -> std::int32_t& { return values[i * step]; };
  const auto rounded = [](std::int32_t sum) { return (sum + (1 << (kShift - 1))) >> kShift; };
  const auto whole = [](std::int32_t value) {
    return kFirst ? value * (1 << kPassBits) : (value + (1 << (kPassBits - 1))) >> kPassBits;
  };
  const auto [t0, t1, t2, t3, t4, t5, t6, t7] = fold(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7));
  const std::int32_t t10 = t0 + t3;
  const std::int32_t t13 = t0 - t3;
  const std::int32_t t11 = t1 + t2;
  const std::int32_t t12 = t1 - t2;
  at(0) = whole(t10 + t11);
  at(4) = whole(t10 - t11);
  at(2) = rounded(t13 * (kC0541 + kC0765) + t12 * kC0541);
  at(6) = rounded(t13 * kC0541 + t12 * (kC0541 - kC1847));
  const std::int32_t z3 = (t4 + t6) * (kC1175 - kC1961) + (t5 + t7) * kC1175;
  const std::int32_t z4 = (t4 + t6) * kC1175 + (t5 + t7) * (kC1175 - kC0390);
  at(7) = rounded(t4 * (kC0298 - kC0899) - t7 * kC0899 + z3);
  at(1) = rounded(t7 * (kC1501 - kC0899) - t4 * kC0899 + z4);
  at(5) = rounded(t5 * (kC2053 - kC2562) - t6 * kC2562 + z4);
  at(3) = rounded(t6 * (kC3072 - kC2562) - t5 * kC2562 + z3);
}

void fast_pass_over(std::int32_t* values, std::size_t step) {
  const auto at = [&](std::size_t i) -> std::int32_t& { return values[i * step]; };
  fast_pass(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7));
}

int forward_group() {
  return 1;
}

void forward_rows(const std::array<const std::uint8_t*, 8>& rows, std::size_t groups, const Quantiser& quantiser,
                  std::int16_t* coefficients, std::uint64_t* nonzero) {
  for (std::size_t g = 0; g < groups; ++g, coefficients += 64) {
    std::array<std::int32_t, 64> block;
    for (std::size_t y = 0; y < 8; ++y) {
      for (std::size_t x = 0; x < 8; ++x) {
        block[8 * y + x] = rows[y][8 * g + x] - 128;
      }
    }
    const bool fast = quantiser.dct == Dct::fast;
    for (std::size_t y = 0; y < 8; ++y) {
      fast ? fast_pass_over(block.data() + 8 * y, 1) : forward_pass<true>(block.data() + 8 * y, 1);
    }
    for (std::size_t x = 0; x < 8; ++x) {
      fast ? fast_pass_over(block.data() + x, 8) : forward_pass<false>(block.data() + x, 8);
    }
    std::uint64_t all = 0;
    for (std::size_t k = 0; k < 64; ++k) {
      const std::size_t from = kZigzag[k];
      const std::int32_t value = block[from];
      const std::uint32_t sum = static_cast<std::uint32_t>(std::abs(value)) + quantiser.add[from];
      const auto size = static_cast<std::int32_t>((sum * quantiser.factor[from] >> 16) * quantiser.scale[from] >> 16);
      coefficients[k] = static_cast<std::int16_t>(value < 0 ? -size : size);
      all |= std::uint64_t{size != 0} << k;
    }
    nonzero[g] = all;
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace microtome::codec
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::codec {

HWY_EXPORT(forward_group);
HWY_EXPORT(forward_rows);

Quantiser::Quantiser(std::span<const std::uint16_t, 64> steps, Dct with) : dct(with), add(), factor(), scale() {
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t divisor = Quantiser::divisor(steps[i], i, with);
    auto shift = static_cast<unsigned>(std::bit_width(divisor)) - 1;
    std::uint32_t quotient = (std::uint32_t{1} << (16 + shift)) / divisor;
    const std::uint32_t rest = (std::uint32_t{1} << (16 + shift)) % divisor;
    add[i] = static_cast<std::uint16_t>(divisor / 2);
    if (rest == 0) {  // a power of two, whose factor would take 17 bits
      quotient /= 2;
      --shift;
    } else if (rest <= divisor / 2) {
      ++add[i];
    } else {
      ++quotient;
    }
    factor[i] = static_cast<std::uint16_t>(quotient);
    scale[i] = static_cast<std::uint16_t>(1U << (16 - shift));
  }
}

unsigned Quantiser::divisor(unsigned step, std::size_t place, Dct dct) {
  if (dct == Dct::accurate) {
    return step * 8;
  }
  // 2^14 times what the fast transform leaves undone: 1 for frequency 0, else sqrt(2) cos(k pi / 16), across and
  // down.
  constexpr std::array<double, 8> kLeft = {1.0, 1.387039845, 1.306562965, 1.175875602,
                                           1.0, 0.785694958, 0.541196100, 0.275899379};
  const auto left = static_cast<unsigned>(std::lround(kLeft[place / 8] * kLeft[place % 8] * (1 << 14)));
  return (step * left + (1U << 10)) >> 11;
}

int fdct_group() {
  return HWY_DYNAMIC_DISPATCH(forward_group)();
}

void fdct_rows(const std::array<const std::uint8_t*, 8>& rows, std::size_t groups, const Quantiser& quantiser,
               std::int16_t* coefficients, std::uint64_t* nonzero) {
  HWY_DYNAMIC_DISPATCH(forward_rows)(rows, groups, quantiser, coefficients, nonzero);
}

}  // namespace microtome::codec
#endif  // HWY_ONCE
