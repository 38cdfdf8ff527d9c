// SPDX-License-Identifier: Apache-2.0
#include "codec/huffman_writer.hpp"

#include <bit>
#include <cstring>

// Not for vectors: counting zeros and shifts by a variable count are cheaper with the instructions of newer
// processors.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/huffman_writer.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for every target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace microtome::codec {
namespace HWY_NAMESPACE {

// At most 57 bits of `bits`, which has no others.
HWY_INLINE void put_bits(BitWriter& out, std::uint64_t bits, std::uint64_t length) {
  out.count += length;
  out.window |= bits << (64 - out.count);
  std::uint64_t bytes = out.window;
  if constexpr (std::endian::native == std::endian::little) {
    bytes = __builtin_bswap64(bytes);
  }
  std::memcpy(out.at, &bytes, sizeof(bytes));
  out.at += out.count >> 3;
  out.window <<= out.count & ~std::uint64_t{7};
  out.count &= 7;
}

HWY_INLINE void put_code(BitWriter& out, HuffmanCodes::Code code) {
  put_bits(out, code >> 8, code & 0xFF);
}

HWY_INLINE void put_number(BitWriter& out, const HuffmanCodes& codes, std::size_t run, int number) {
  const CodedNumber coded(number);
  const HuffmanCodes::Code code = codes.code(run * 16 + coded.size);
  put_bits(out, std::uint64_t{code >> 8} << coded.size | coded.bits, (code & 0xFF) + coded.size);
}

HWY_INLINE void write_block(BitWriter& writer, WrittenComponent& component, const std::int16_t* coefficients,
                            std::size_t gap, std::uint64_t nonzero) {
  BitWriter out = writer;  // in registers
  const int dc = coefficients[0];
  put_number(out, *component.dc, 0, dc - component.last);
  component.last = dc;
  const HuffmanCodes& ac = *component.ac;
  constexpr std::size_t kSkip = 0xF0;  // sixteen zeros
  std::size_t before = 0;
  for (std::uint64_t left = nonzero & ~std::uint64_t{1}; left != 0; left &= left - 1) {
    const auto k = static_cast<std::size_t>(std::countr_zero(left));
    std::size_t run = k - before - 1;
    before = k;
    for (; HWY_UNLIKELY(run > 15); run -= 16) {
      put_code(out, ac.code(kSkip));
    }
    const int number = coefficients[k + (k >> 3) * gap];
    if (HWY_LIKELY(static_cast<unsigned>(number + HuffmanCodes::kNear) < 2U * HuffmanCodes::kNear)) {
      put_code(out, ac.near(run, number));
    } else {
      put_number(out, ac, run, number);
    }
  }
  if (before != 63) {
    put_code(out, ac.code(0));
  }
  writer = out;
}

void write_row(BitWriter& out, std::span<WrittenComponent> components, std::size_t count, std::size_t group) {
  for (std::size_t mcu = 0; mcu < count; ++mcu) {
    for (WrittenComponent& component : components) {
      for (std::size_t row = 0; row < component.down; ++row) {
        for (std::size_t x = mcu * component.across; x < (mcu + 1) * component.across; ++x) {
          if (HWY_UNLIKELY(row >= component.height || x >= component.width)) {
            put_code(out, component.dc->code(0));
            put_code(out, component.ac->code(0));
            continue;
          }
          const std::size_t first = row * component.row_step + x / group * group;
          write_block(out, component, component.coefficients + first * 64 + x % group * 8, (group - 1) * 8,
                      component.nonzero[row * component.row_step + x]);
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace microtome::codec
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace microtome::codec {

HWY_EXPORT(write_row);

HuffmanCodes::HuffmanCodes(ByteView body) {
  // T.81 annex C: the codes of a length follow each other, and twice the last one begins the next length.
  std::uint32_t code = 0;
  std::size_t symbol = 16;
  for (unsigned length = 1; length <= 16; ++length, code *= 2) {
    for (unsigned i = 0; i < body[length - 1]; ++i, ++code, ++symbol) {
      codes_[body[symbol]] = code << 8 | length;
    }
  }
  for (unsigned run = 0; run < 16; ++run) {
    for (int number = -kNear; number < kNear; ++number) {
      const CodedNumber coded(number);
      const Code of = codes_[run * 16 + coded.size];
      near_[run * (2 * kNear) + static_cast<std::size_t>(number + kNear)] =
          ((of >> 8) << coded.size | coded.bits) << 8 | ((of & 0xFF) + coded.size);
    }
  }
}

void write_mcus(BitWriter& out, std::span<WrittenComponent> components, std::size_t count, std::size_t group) {
  HWY_DYNAMIC_DISPATCH(write_row)(out, components, count, group);
}

}  // namespace microtome::codec
#endif  // HWY_ONCE
