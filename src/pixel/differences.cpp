// SPDX-License-Identifier: Apache-2.0
#include "pixel/differences.hpp"

#include <array>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "pixel/differences.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::pixel {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
HWY_INLINE void add_rest(std::uint8_t* row, std::size_t first, std::size_t count, std::size_t samples) {
  for (std::size_t i = first; i < count; ++i) {
    T value = 0;
    T before = 0;
    std::memcpy(&value, row + i * sizeof(T), sizeof(T));
    std::memcpy(&before, row + (i - samples) * sizeof(T), sizeof(T));
    value = static_cast<T>(value + before);
    std::memcpy(row + i * sizeof(T), &value, sizeof(T));
  }
}

// As many whole pixels as fit into 16 bytes at a time: sums of two, of four and so on, and the last pixel of the
// vector before to all of them.
template <class T>
HWY_INLINE void add_all(std::uint8_t* row, std::size_t width, std::size_t samples) {
  std::size_t done = 1;
#if HWY_TARGET != HWY_SCALAR
  const std::size_t pixel = samples * sizeof(T);
  constexpr std::size_t kVector = 16;
  const hn::CappedTag<std::uint8_t, kVector> bytes;
  const hn::Repartition<T, decltype(bytes)> d;
  const std::size_t at_once = pixel > kVector / 2 ? 0 : std::bit_floor(kVector / pixel);
  if (at_once > 1 && width > 2 * at_once) {
    std::array<std::array<std::uint8_t, kVector>, 4> shift{};
    std::array<std::uint8_t, kVector> last{};
    std::array<std::uint8_t, kVector> own{};
    for (std::size_t i = 0; i < kVector; ++i) {
      for (std::size_t s = 0; s < shift.size(); ++s) {
        const std::size_t by = pixel << s;
        shift[s][i] = i >= by && i < at_once * pixel ? static_cast<std::uint8_t>(i - by) : 0x80;
      }
      last[i] = i < at_once * pixel ? static_cast<std::uint8_t>((at_once - 1) * pixel + i % pixel) : 0x80;
      own[i] = i < at_once * pixel ? 0xFF : 0;
    }
    const auto steps = static_cast<std::size_t>(std::countr_zero(at_once));
    const auto places = hn::LoadU(bytes, last.data());
    const auto mine = hn::LoadU(bytes, own.data());
    const std::size_t step = at_once * pixel;
    const auto add = [&](auto one, auto other) {
      return hn::BitCast(bytes, hn::Add(hn::BitCast(d, one), hn::BitCast(d, other)));
    };
    auto before = hn::Zero(bytes);
    auto next = hn::LoadU(bytes, row);
    // The next vector is loaded before this one is stored, and lies whole within the row.
    for (done = 0; done * pixel + step + kVector <= width * pixel; done += at_once) {
      const auto original = next;
      next = hn::LoadU(bytes, row + done * pixel + step);
      auto sum = original;
      for (std::size_t s = 0; s < steps; ++s) {
        sum = add(sum, hn::TableLookupBytesOr0(sum, hn::LoadU(bytes, shift[s].data())));
      }
      sum = add(sum, before);
      before = hn::TableLookupBytesOr0(sum, places);
      hn::StoreU(hn::Or(hn::And(mine, sum), hn::AndNot(mine, original)), bytes, row + done * pixel);
    }
  }
#endif
  add_rest<T>(row, (done == 0 ? 1 : done) * samples, width * samples, samples);
}

void add_row(std::uint8_t* row, std::size_t width, std::size_t samples, int bits) {
  if (bits == 8) {
    add_all<std::uint8_t>(row, width, samples);
  } else {
    add_all<std::uint16_t>(row, width, samples);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace microtome::pixel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::pixel {

HWY_EXPORT(add_row);

void add_differences(std::uint8_t* row, std::size_t width, std::size_t samples, int bits) {
  HWY_DYNAMIC_DISPATCH(add_row)(row, width, samples, bits);
}

}  // namespace microtome::pixel
#endif  // HWY_ONCE
