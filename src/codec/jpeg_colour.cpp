// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_colour.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/jpeg_colour.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::codec {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Four times a row of colour, or three times the nearer row and the farther one: from sums[1] on, with the ends
// repeated before and behind.
void sum_rows(const std::uint8_t* near, const std::uint8_t* far, std::size_t count, std::int16_t* sums) {
  const hn::ScalableTag<std::int16_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto closer = hn::PromoteTo(d, hn::LoadU(bytes, near + i));
    const auto other = hn::PromoteTo(d, hn::LoadU(bytes, far + i));
    hn::StoreU(hn::Add(hn::Add(closer, hn::Add(closer, closer)), other), d, sums + 1 + i);
  }
  for (; i < count; ++i) {
    sums[1 + i] = static_cast<std::int16_t>(3 * near[i] + far[i]);
  }
  sums[0] = sums[1];
  sums[count + 1] = sums[count];
}

// Twice as many samples: each is three quarters the nearer sum, one the farther. `out` has room behind.
void widen(const std::int16_t* sums, std::size_t count, int even_bias, int odd_bias, std::uint8_t* out) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < count; ++i) {
    out[2 * i] = static_cast<std::uint8_t>((3 * sums[i + 1] + sums[i] + even_bias) >> 4);
    out[2 * i + 1] = static_cast<std::uint8_t>((3 * sums[i + 1] + sums[i + 2] + odd_bias) >> 4);
  }
#else
  const hn::ScalableTag<std::int16_t> d;
  const hn::Repartition<std::uint8_t, decltype(d)> bytes;
  const std::size_t lanes = hn::Lanes(d);
  const auto even_rounding = hn::Set(d, static_cast<std::int16_t>(even_bias));
  const auto odd_rounding = hn::Set(d, static_cast<std::int16_t>(odd_bias));
  for (std::size_t i = 0; i < count; i += lanes) {
    const auto middle = hn::LoadU(d, sums + 1 + i);
    const auto thrice = hn::Add(middle, hn::Add(middle, middle));
    const auto even = hn::ShiftRight<4>(hn::Add(hn::Add(thrice, hn::LoadU(d, sums + i)), even_rounding));
    const auto odd = hn::ShiftRight<4>(hn::Add(hn::Add(thrice, hn::LoadU(d, sums + 2 + i)), odd_rounding));
    // Both are bytes: the odd ones go into the upper halves.
    const auto both = hn::Or(even, hn::ShiftLeft<8>(odd));
    hn::StoreU(hn::BitCast(bytes, both), bytes, out + 2 * i);
  }
#endif
}

// Vectors are joined in the order in which they were split on these.
#undef MICROTOME_COLOUR_VECTORS
#if (HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128) || HWY_TARGET == HWY_NEON
#define MICROTOME_COLOUR_VECTORS 1
#else
#define MICROTOME_COLOUR_VECTORS 0
#endif

#if MICROTOME_COLOUR_VECTORS
// (cb * kBlue + cr * kRed + 1/2) / 2^16, of interleaved pairs.
template <int kBlue, int kRed, class D, class V = hn::Vec<D>>
HWY_INLINE V weigh(D d, V lower, V upper) {
  const hn::RepartitionToWide<D> wide;
  constexpr auto kBoth = static_cast<std::int32_t>((static_cast<std::uint32_t>(kRed) << 16) |
                                                   (static_cast<std::uint32_t>(kBlue) & 0xFFFFU));
  const auto factors = hn::BitCast(d, hn::Set(wide, kBoth));
  const auto half = hn::Set(wide, 1 << 15);
  auto odd = hn::Zero(wide);
  auto sum = hn::ReorderWidenMulAccumulate(wide, lower, factors, hn::Zero(wide), odd);
  const auto first = hn::ShiftRight<16>(hn::Add(hn::RearrangeToOddPlusEven(sum, odd), half));
  odd = hn::Zero(wide);
  sum = hn::ReorderWidenMulAccumulate(wide, upper, factors, hn::Zero(wide), odd);
  const auto second = hn::ShiftRight<16>(hn::Add(hn::RearrangeToOddPlusEven(sum, odd), half));
  return hn::ReorderDemote2To(d, first, second);
}
#endif

// 1.402, 0.71414, 0.34414 and 1.772 times 2^16, less whole numbers, so that they fit into 16 bits.
constexpr int kRedOfRed = 91881 - 65536;
constexpr int kGreenOfRed = 65536 - 46802;
constexpr int kGreenOfBlue = -22554;
constexpr int kBlueOfBlue = 116130 - 2 * 65536;

void one_to_rgb(std::uint8_t luma, std::uint8_t cb, std::uint8_t cr, std::uint8_t* out) {
  const int blue = cb - 128;
  const int red = cr - 128;
  const auto scaled = [](int value) { return (value + (1 << 15)) >> 16; };
  const auto put = [](int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); };
  out[0] = put(luma + red + scaled(kRedOfRed * red));
  out[1] = put(luma - red + scaled(kGreenOfBlue * blue + kGreenOfRed * red));
  out[2] = put(luma + 2 * blue + scaled(kBlueOfBlue * blue));
}

void to_rgb(const std::uint8_t* luma, const std::uint8_t* cb, const std::uint8_t* cr, std::size_t count,
            std::uint8_t* out) {
  std::size_t i = 0;
#if MICROTOME_COLOUR_VECTORS
  const hn::ScalableTag<std::int16_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  const std::size_t lanes = hn::Lanes(d);
  const auto middle = hn::Set(d, 128);
  for (; i + lanes <= count; i += lanes) {
    const auto y = hn::PromoteTo(d, hn::LoadU(bytes, luma + i));
    const auto blue = hn::Sub(hn::PromoteTo(d, hn::LoadU(bytes, cb + i)), middle);
    const auto red = hn::Sub(hn::PromoteTo(d, hn::LoadU(bytes, cr + i)), middle);
    const auto lower = hn::InterleaveLower(d, blue, red);
    const auto upper = hn::InterleaveUpper(d, blue, red);
    const auto r = hn::Add(hn::Add(y, red), weigh<0, kRedOfRed>(d, lower, upper));
    const auto g = hn::Add(hn::Sub(y, red), weigh<kGreenOfBlue, kGreenOfRed>(d, lower, upper));
    const auto b = hn::Add(hn::Add(y, hn::Add(blue, blue)), weigh<kBlueOfBlue, 0>(d, lower, upper));
    hn::StoreInterleaved3(hn::DemoteTo(bytes, r), hn::DemoteTo(bytes, g), hn::DemoteTo(bytes, b), bytes, out + 3 * i);
  }
#endif
  for (; i < count; ++i) {
    one_to_rgb(luma[i], cb[i], cr[i], out + 3 * i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace microtome::codec
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::codec {

HWY_EXPORT(sum_rows);
HWY_EXPORT(widen);
HWY_EXPORT(to_rgb);

bool can_turn_planes(int width, int across, int down) {
  return (across == 1 && down == 1) || (across == 2 && (down == 1 || down == 2) && (width + 1) / 2 > 2);
}

void planes_to_rgb(const pixel::Planes& planes, pixel::Image& target, const pixel::Rect& place) {
  constexpr std::size_t kRoom = 2 * 64;  // 64 sums, or as many pairs
  const auto sum = HWY_DYNAMIC_DISPATCH(sum_rows);
  const auto wider = HWY_DYNAMIC_DISPATCH(widen);
  const auto turn = HWY_DYNAMIC_DISPATCH(to_rgb);
  const std::int64_t from = std::max<std::int64_t>(0, -place.x);
  const std::int64_t to = std::min<std::int64_t>(planes.width(), target.width - place.x);
  if (to <= from) {
    return;
  }
  const auto colours = static_cast<std::size_t>(planes.plane[1].width);
  std::vector<std::int16_t> sums(planes.across == 2 ? colours + 2 + kRoom : 0);
  std::array<std::vector<std::uint8_t>, 2> wide;
  for (auto& row : wide) {
    row.resize(planes.across == 2 ? 2 * colours + kRoom : 0);
  }
  const int last = planes.plane[1].height - 1;
  for (int y = static_cast<int>(std::max<std::int64_t>(0, -place.y));
       y < planes.height() && place.y + y < target.height; ++y) {
    std::array<const std::uint8_t*, 2> colour{};
    for (std::size_t c = 0; c < 2; ++c) {
      const pixel::Image& plane = planes.plane[c + 1];
      const int near = y / planes.down;
      colour[c] = plane.row(near);
      if (planes.across == 2) {
        const int far = planes.down == 1 ? near : std::clamp(y % 2 == 0 ? near - 1 : near + 1, 0, last);
        sum(plane.row(near), plane.row(far), colours, sums.data());
        planes.down == 1 ? wider(sums.data(), colours, 4, 8, wide[c].data())
                         : wider(sums.data(), colours, 8, 7, wide[c].data());
        colour[c] = wide[c].data();
      }
    }
    turn(planes.plane[0].row(y) + from, colour[0] + from, colour[1] + from, static_cast<std::size_t>(to - from),
         target.row(static_cast<int>(place.y + y)) + 3 * (place.x + from));
  }
}

}  // namespace microtome::codec
#endif  // HWY_ONCE
