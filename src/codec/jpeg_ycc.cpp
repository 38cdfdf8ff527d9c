// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_ycc.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/jpeg_ycc.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

#include "codec/dct_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace microtome::codec {
namespace HWY_NAMESPACE {

// Times 2^16; the three of each row make up 1, or 0.
constexpr int kLumaRed = 19595;
constexpr int kLumaGreen = 38470;
constexpr int kLumaBlue = 7471;
constexpr int kBlueRed = -11059;
constexpr int kBlueGreen = -21709;
constexpr int kRedGreen = -27439;
constexpr int kRedBlue = -5329;
constexpr int kHalf = 1 << 15;  // also the share of blue in Cb, and of red in Cr
constexpr int kHalfLess = (128 << 16) + kHalf - 1;

void to_ycc(const std::uint8_t* rgb, std::size_t width, std::uint8_t* luma, std::uint8_t* blue, std::uint8_t* red) {
  std::size_t x = 0;
#if MICROTOME_DCT_VECTORS
  const Shorts d;
  const hn::Rebind<std::uint8_t, Shorts> bytes;
  const std::size_t lanes = hn::Lanes(d);
  const auto store = [&](const Sums& sums, int bias, std::uint8_t* to) {
    const auto more = hn::Set(Longs(), bias);
    const Half whole = hn::ReorderDemote2To(d, hn::ShiftRight<16>(hn::Add(sums.lower, more)),
                                            hn::ShiftRight<16>(hn::Add(sums.upper, more)));
    hn::StoreU(hn::DemoteTo(bytes, whole), bytes, to);
  };
  // Factors are of 16 bits: half of one that is 2^15, or of one that is more, goes with another pair.
  constexpr int kQuarter = 1 << 14;
  for (; x + lanes <= width; x += lanes) {
    auto red_bytes = hn::Zero(bytes);
    auto green_bytes = red_bytes;
    auto blue_bytes = red_bytes;
    hn::LoadInterleaved3(bytes, rgb + 3 * x, red_bytes, green_bytes, blue_bytes);
    const Half r = hn::PromoteTo(d, red_bytes);
    const Half g = hn::PromoteTo(d, green_bytes);
    const Half b = hn::PromoteTo(d, blue_bytes);
    const Pairs red_green = pairs(r, g);
    const Pairs blue_green = pairs(b, g);
    const Sums y = add(combine<kLumaRed, kLumaGreen - kQuarter>(red_green), combine<kLumaBlue, kQuarter>(blue_green));
    const Sums cb = add(combine<kBlueRed, kBlueGreen>(red_green), combine<kQuarter, kQuarter>(pairs(b, b)));
    const Sums cr = add(combine<kRedBlue, kRedGreen>(blue_green), combine<kQuarter, kQuarter>(pairs(r, r)));
    store(y, kHalf, luma + x);
    store(cb, kHalfLess, blue + x);
    store(cr, kHalfLess, red + x);
  }
#endif
  for (; x < width; ++x) {
    const int r = rgb[3 * x];
    const int g = rgb[3 * x + 1];
    const int b = rgb[3 * x + 2];
    luma[x] = static_cast<std::uint8_t>((kLumaRed * r + kLumaGreen * g + kLumaBlue * b + kHalf) >> 16);
    blue[x] = static_cast<std::uint8_t>((kBlueRed * r + kBlueGreen * g + kHalf * b + kHalfLess) >> 16);
    red[x] = static_cast<std::uint8_t>((kHalf * r + kRedGreen * g + kRedBlue * b + kHalfLess) >> 16);
  }
}

void halve(const std::uint8_t* above, const std::uint8_t* below, std::size_t count, std::uint8_t* out) {
  std::size_t x = 0;
#if MICROTOME_DCT_VECTORS
  const Shorts d;
  const hn::Rebind<std::uint8_t, Shorts> bytes;
  const hn::Repartition<std::uint8_t, Shorts> all;
  const std::size_t lanes = hn::Lanes(d);
  const auto even = hn::Set(d, 0xFF);
  const Half bias = hn::BitCast(d, hn::Set(Longs(), 2 << 16 | 1));
  const auto sums = [&](const std::uint8_t* row) {
    const Half both = hn::BitCast(d, hn::LoadU(all, row + 2 * x));
    return hn::Add(hn::And(both, even), hn::And(hn::ShiftRight<8>(both), even));
  };
  for (; x + lanes <= count; x += lanes) {
    const Half sum = hn::Add(hn::Add(sums(above), sums(below)), bias);
    hn::StoreU(hn::DemoteTo(bytes, hn::ShiftRight<2>(sum)), bytes, out + x);
  }
#endif
  for (; x < count; ++x) {
    const int sum = above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1];
    out[x] = static_cast<std::uint8_t>((sum + 1 + static_cast<int>(x % 2)) >> 2);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace microtome::codec
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::codec {

HWY_EXPORT(to_ycc);
HWY_EXPORT(halve);

void rgb_to_ycc(const std::uint8_t* rgb, std::size_t width, std::uint8_t* luma, std::uint8_t* blue,
                std::uint8_t* red) {
  HWY_DYNAMIC_DISPATCH(to_ycc)(rgb, width, luma, blue, red);
}

void halve_rows(const std::uint8_t* above, const std::uint8_t* below, std::size_t count, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(halve)(above, below, count, out);
}

}  // namespace microtome::codec
#endif  // HWY_ONCE
