// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_blocks.hpp"

#include <algorithm>
#include <bit>

#include "codec/idct.hpp"
#include "codec/zigzag.hpp"

// Not for vectors: shifts by a variable count are cheaper with the instructions of newer processors.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/jpeg_blocks.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::codec {
namespace HWY_NAMESPACE {

// False for a code that is none.
HWY_INLINE bool decode_dc(BitReader& in, BlockComponent& component, std::int16_t* block) {
  in.refill();
  HuffmanTable::Entry entry = component.dc->entries()[in.peek(HuffmanTable::kLook)];
  if (HWY_UNLIKELY(entry == 0)) {
    entry = component.dc->longer(in.window);
  }
  component.last = static_cast<std::int16_t>(component.last + HuffmanTable::number(entry, in.window));
  block[0] = static_cast<std::int16_t>(component.last);
  in.skip(entry & 0xFF);
  return entry != 0;
}

// One code of an AC coefficient at k, or two, which moves on; to 64 or beyond after the last one of the block, to 0
// for a code that is none. Takes at most 26 bits: two of them fit into what refill() fetches.
HWY_INLINE std::size_t decode_ac(BitReader& in, const HuffmanTable& table, const std::uint16_t* places,
                                 std::int16_t* block, std::size_t k) {
  HuffmanTable::Pair pair = table.pairs()[in.peek(HuffmanTable::kLook)];
  if (HWY_UNLIKELY(pair == 0)) {
    pair = table.longer(in.window);
    if (pair == 0) {
      return 0;
    }
  }
  const auto entry = static_cast<HuffmanTable::Entry>(pair);
  const std::int32_t number = HuffmanTable::number(entry, in.window);
  const std::size_t more = (pair >> 32) & 0xFF;
  k += (entry >> 8) & 0xFF;
  if (HWY_UNLIKELY(k - (kBlockCoefficients - 1) < 16 && more != 0)) {  // the second one is of the next block
    block[places[k]] = static_cast<std::int16_t>(number);
    in.skip((entry >> 24) + ((entry >> 16) & 0xFF));
    return kBlockCoefficients;
  }
  // Without a second one this is the place of the first one, which is written next.
  block[places[k + more]] = static_cast<std::int16_t>(pair >> 48);
  block[places[k]] = static_cast<std::int16_t>(number);
  in.skip(entry & 0xFF);
  return k + more + 1;
}

// False for a code that is none. What takes time is the way from one code to where the next one begins; so two
// numbers are taken in a step where they are short, without branching on whether they are.
HWY_INLINE bool decode_block(BitReader& reader, BlockComponent& component, const std::uint16_t* places,
                             std::int16_t* block) {
  BitReader in = reader;  // in registers
  if (HWY_UNLIKELY(!decode_dc(in, component, block))) {
    return false;
  }
  const HuffmanTable& table = *component.ac;
  std::size_t k = 1;
  do {
    in.refill();
    k = decode_ac(in, table, places, block, k);
    if (k - 1 < kBlockCoefficients - 1) {  // neither the end nor broken
      k = decode_ac(in, table, places, block, k);
    }
  } while (k - 1 < kBlockCoefficients - 1);
  reader = in;
  return k != 0;
}

bool decode(BitReader& in, std::span<BlockComponent> components, const std::uint16_t* places, std::size_t first,
            std::size_t count, const std::uint8_t* end, unsigned group_bits) {
  const std::size_t in_group = (std::size_t{1} << group_bits) - 1;
  for (std::size_t mcu = first; mcu < first + count; ++mcu) {
    for (BlockComponent& component : components) {
      for (std::size_t row = 0; row < component.down; ++row) {
        std::int16_t* const blocks = component.coefficients + row * component.row_step;
        for (std::size_t x = mcu * component.across; x < (mcu + 1) * component.across; ++x) {
          std::int16_t* const block =
              blocks + ((x >> group_bits) << group_bits) * kBlockCoefficients + (x & in_group) * 8;
          if (HWY_UNLIKELY(!decode_block(in, component, places, block))) {
            return false;
          }
        }
      }
    }
    if (HWY_UNLIKELY(in.position() > end)) {
      return false;
    }
  }
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace microtome::codec
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::codec {

HWY_EXPORT(decode);

std::array<std::uint16_t, kBlockPlaces> block_places() {
  const int step = idct_group() * 8;
  std::array<std::uint16_t, kBlockPlaces> places{};
  for (std::size_t k = 0; k < kBlockPlaces; ++k) {
    // All beyond the block goes to its last place, which is written last.
    const int place = kZigzag[std::min<std::size_t>(k, kBlockCoefficients - 1)];
    places[k] = static_cast<std::uint16_t>(place / 8 * step + place % 8);
  }
  return places;
}

bool decode_mcus(BitReader& in, std::span<BlockComponent> components, std::span<const std::uint16_t> places,
                 std::size_t first, std::size_t count, const std::uint8_t* end) {
  const auto group_bits = static_cast<unsigned>(std::countr_zero(static_cast<unsigned>(idct_group())));
  return HWY_DYNAMIC_DISPATCH(decode)(in, components, places.data(), first, count, end, group_bits);
}

}  // namespace microtome::codec
#endif  // HWY_ONCE
