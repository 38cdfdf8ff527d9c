// SPDX-License-Identifier: Apache-2.0
#include "codec/huffman.hpp"

#include <algorithm>

namespace microtome::codec {
namespace {

HuffmanTable::Entry entry_of(unsigned symbol, unsigned length, HuffmanTable::Kind kind) {
  unsigned run = 0;
  unsigned size = symbol;
  if (kind == HuffmanTable::Kind::ac) {
    run = symbol >> 4;
    size = symbol & 15;
    run = size == 0 && run != 15 ? HuffmanTable::kEndRun : run;
  }
  return (length + size) | run << 8 | size << 16 | length << 24;
}

}  // namespace

std::optional<HuffmanTable> HuffmanTable::make(ByteView body, Kind kind) {
  if (body.size() < 16) {
    return std::nullopt;
  }
  HuffmanTable table;
  table.kind_ = kind;
  std::uint32_t code = 0;
  std::size_t symbol = 0;
  for (unsigned length = 1; length <= 16; ++length, code <<= 1) {
    const std::uint32_t count = body[length - 1];
    if (code + count > 1U << length || symbol + count > 256 || body.size() < 16 + symbol + count) {
      return std::nullopt;
    }
    table.offset_[length] = static_cast<std::int32_t>(symbol) - static_cast<std::int32_t>(code);
    for (std::uint32_t i = 0; i < count; ++i, ++code, ++symbol) {
      const std::uint8_t value = body[16 + symbol];
      if (kind == Kind::dc ? value > 15 : (value & 15) > kMostAcSize) {
        return std::nullopt;
      }
      table.symbols_[symbol] = value;
      if (length > kLook) {
        continue;
      }
      const unsigned spare = kLook - length;
      std::fill_n(table.entries_.begin() + (code << spare), 1U << spare, entry_of(value, length, kind));
    }
    table.end_[length] = code << (16 - length);
  }
  if (kind == Kind::ac) {
    table.make_pairs();
  }
  return table;
}

void HuffmanTable::make_pairs() {
  for (std::uint32_t bits = 0; bits < 1U << kLook; ++bits) {
    const Entry first = entries_[bits];
    Pair& pair = pairs_[bits];
    pair = first;
    const unsigned used = first & 0xFF;
    const bool ends = ((first >> 8) & 0xFF) >= kEndRun;
    if (first == 0 || ends || used >= kLook) {
      continue;
    }
    const std::uint32_t rest = bits << used & ((1U << kLook) - 1);
    const Entry second = entries_[rest];
    if (second == 0 || (second & 0xFF) > kLook - used) {
      continue;
    }
    const auto value = static_cast<std::uint16_t>(number(second, std::uint64_t{rest} << (64 - kLook)));
    pair += second & 0xFF;
    pair |= std::uint64_t{((second >> 8) & 0xFF) + 1} << 32 | std::uint64_t{value} << 48;
  }
}

HuffmanTable::Entry HuffmanTable::longer(std::uint64_t window) const {
  const auto code = static_cast<std::uint32_t>(window >> 48);
  unsigned length = kLook + 1;
  while (length <= 16 && code >= end_[length]) {
    ++length;
  }
  if (length > 16) {
    return 0;
  }
  const auto at = static_cast<std::int32_t>(code >> (16 - length)) + offset_[length];
  return entry_of(symbols_[static_cast<std::size_t>(at)], length, kind_);
}

}  // namespace microtome::codec
