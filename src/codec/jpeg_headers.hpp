// SPDX-License-Identifier: Apache-2.0
// Inside of codec: the headers of JPEG streams of the usual kind, read for decoding (ITU-T T.81 annex B). Pure;
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "codec/jpeg_blocks.hpp"

namespace microtome::codec {

// One of the three components, as the frame and the scan say.
struct BaselineComponent {
  std::uint8_t id = 0;
  int across = 1;  // blocks of an MCU
  int down = 1;
  std::size_t quantisation = 0;
  std::size_t dc = 0;
  std::size_t ac = 0;
};

// What the headers say.
struct BaselineStream {
  int width = 0;
  int height = 0;
  std::array<BaselineComponent, 3> component;
  std::array<std::optional<std::array<std::uint16_t, kBlockCoefficients>>, 4> quantisation;  // in zigzag order
  std::array<ByteView, 4> dc;                                                                // bodies of tables
  std::array<ByteView, 4> ac;
  int restart = 0;  // MCUs
  ByteView scan;    // from its first byte on
};

// The headers of a stream that is sequential, Huffman coded, of 8 bits and three components in one scan, with colour
// whole or halved; nothing for any other or broken one. Views into `stream` and `tables`, which must outlive it.
[[nodiscard]] std::optional<BaselineStream> read_baseline(ByteView stream, ByteView tables);

}  // namespace microtome::codec
