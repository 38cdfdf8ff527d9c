// SPDX-License-Identifier: Apache-2.0
// Inside of codec: the marker segments of a JPEG stream (ITU-T T.81 annex B). Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace microtome::codec {

struct JpegSegment {
  std::uint8_t marker = 0;
  std::size_t offset = 0;  // of the 0xFF right before the marker
  ByteView body;           // without marker and length
  ByteView whole;          // from the 0xFF on
};

// The segment at `position`, which moves behind it; nothing (and no move) when the bytes end before it does.
Result<std::optional<JpegSegment>> next_jpeg_segment(ByteView bytes, std::size_t& position);

// DQT, DHT, DAC and DRI of a JPEGTables field. Application markers in it are left out: in TIFF the tags say what the
// colours are, and a stray JFIF there would make decoders guess wrong.
Result<std::vector<ByteView>> jpeg_table_segments(ByteView tables);

}  // namespace microtome::codec
