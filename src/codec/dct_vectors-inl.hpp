// SPDX-License-Identifier: Apache-2.0
// Inside of codec: what both directions of the DCT of JPEG do with vectors of blocks: row i of 1, 2 or 4 blocks side
// by side is one vector, and nothing crosses from one block into the next. Loeffler, Ligtenberg and Moschytz,
// "Practical fast 1-D DCT algorithms with 11 multiplications" (1989). Included once for every target.
#if defined(MICROTOME_CODEC_DCT_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef MICROTOME_CODEC_DCT_VECTORS_INL
#undef MICROTOME_CODEC_DCT_VECTORS_INL
#else
#define MICROTOME_CODEC_DCT_VECTORS_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

// They need operations that stay within 16 bytes, in their order: those of x86 and NEON do.
#undef MICROTOME_DCT_VECTORS
#if (HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128) || HWY_TARGET == HWY_NEON
#define MICROTOME_DCT_VECTORS 1
#else
#define MICROTOME_DCT_VECTORS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace microtome::codec {
namespace HWY_NAMESPACE {

// Constants of the algorithm times 2^13.
constexpr int kBits = 13;
constexpr int kPassBits = 2;  // of precision more between the passes
constexpr int kC0298 = 2446;
constexpr int kC0390 = 3196;
constexpr int kC0541 = 4433;
constexpr int kC0765 = 6270;
constexpr int kC0899 = 7373;
constexpr int kC1175 = 9633;
constexpr int kC1501 = 12299;
constexpr int kC1847 = 15137;
constexpr int kC1961 = 16069;
constexpr int kC2053 = 16819;
constexpr int kC2562 = 20995;
constexpr int kC3072 = 25172;

#if MICROTOME_DCT_VECTORS
namespace hn = hwy::HWY_NAMESPACE;

using Shorts = hn::CappedTag<std::int16_t, 32>;
using Longs = hn::RepartitionToWide<Shorts>;
using Half = hn::Vec<Shorts>;
using Sum = hn::Vec<Longs>;

struct Sums {  // of the lower and the upper half of each block's row
  Sum lower;
  Sum upper;
};

HWY_INLINE Sums add(const Sums& a, const Sums& b) {
  return {hn::Add(a.lower, b.lower), hn::Add(a.upper, b.upper)};
}
HWY_INLINE Sums subtract(const Sums& a, const Sums& b) {
  return {hn::Sub(a.lower, b.lower), hn::Sub(a.upper, b.upper)};
}

struct Pairs {
  Half lower;
  Half upper;
};
HWY_INLINE Pairs pairs(Half a, Half b) {
  const Shorts d;
  return {hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)};
}

// a * ca + b * cb of each pair.
template <int kA, int kB>
HWY_INLINE Sums combine(const Pairs& in) {
  const Shorts d;
  const Longs wide;
  constexpr auto kBoth =
      static_cast<std::int32_t>((static_cast<std::uint32_t>(kB) << 16) | (static_cast<std::uint32_t>(kA) & 0xFFFFU));
  const auto factors = hn::BitCast(d, hn::Set(wide, kBoth));
  auto odd = hn::Zero(wide);
  const auto lower = hn::ReorderWidenMulAccumulate(wide, in.lower, factors, hn::Zero(wide), odd);
  const Sum all_lower = hn::RearrangeToOddPlusEven(lower, odd);
  odd = hn::Zero(wide);
  const auto upper = hn::ReorderWidenMulAccumulate(wide, in.upper, factors, hn::Zero(wide), odd);
  return {all_lower, hn::RearrangeToOddPlusEven(upper, odd)};
}

template <int kShift>
HWY_INLINE Half rounded(const Sums& sums) {
  const Shorts d;
  const auto half = hn::Set(Longs(), 1 << (kShift - 1));
  return hn::ReorderDemote2To(d, hn::ShiftRight<kShift>(hn::Add(sums.lower, half)),
                              hn::ShiftRight<kShift>(hn::Add(sums.upper, half)));
}

// Each block by itself.
HWY_INLINE void transpose(Half& v0, Half& v1, Half& v2, Half& v3, Half& v4, Half& v5, Half& v6, Half& v7) {
  const Shorts d;
  const Longs d2;
  const hn::RepartitionToWide<Longs> d4;
  const auto pair_lower = [&](Half a, Half b) { return hn::BitCast(d2, hn::InterleaveLower(d, a, b)); };
  const auto pair_upper = [&](Half a, Half b) { return hn::BitCast(d2, hn::InterleaveUpper(d, a, b)); };
  const auto a0 = pair_lower(v0, v1);
  const auto a1 = pair_upper(v0, v1);
  const auto a2 = pair_lower(v2, v3);
  const auto a3 = pair_upper(v2, v3);
  const auto a4 = pair_lower(v4, v5);
  const auto a5 = pair_upper(v4, v5);
  const auto a6 = pair_lower(v6, v7);
  const auto a7 = pair_upper(v6, v7);
  const auto b0 = hn::BitCast(d4, hn::InterleaveLower(d2, a0, a2));
  const auto b1 = hn::BitCast(d4, hn::InterleaveUpper(d2, a0, a2));
  const auto b2 = hn::BitCast(d4, hn::InterleaveLower(d2, a1, a3));
  const auto b3 = hn::BitCast(d4, hn::InterleaveUpper(d2, a1, a3));
  const auto b4 = hn::BitCast(d4, hn::InterleaveLower(d2, a4, a6));
  const auto b5 = hn::BitCast(d4, hn::InterleaveUpper(d2, a4, a6));
  const auto b6 = hn::BitCast(d4, hn::InterleaveLower(d2, a5, a7));
  const auto b7 = hn::BitCast(d4, hn::InterleaveUpper(d2, a5, a7));
  v0 = hn::BitCast(d, hn::InterleaveLower(d4, b0, b4));
  v1 = hn::BitCast(d, hn::InterleaveUpper(d4, b0, b4));
  v2 = hn::BitCast(d, hn::InterleaveLower(d4, b1, b5));
  v3 = hn::BitCast(d, hn::InterleaveUpper(d4, b1, b5));
  v4 = hn::BitCast(d, hn::InterleaveLower(d4, b2, b6));
  v5 = hn::BitCast(d, hn::InterleaveUpper(d4, b2, b6));
  v6 = hn::BitCast(d, hn::InterleaveLower(d4, b3, b7));
  v7 = hn::BitCast(d, hn::InterleaveUpper(d4, b3, b7));
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace microtome::codec
HWY_AFTER_NAMESPACE();

#endif
