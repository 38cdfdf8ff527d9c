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

// Writes one segment: marker and length, then what is given to it. The length is put in at its end.
class JpegSegmentWriter {
 public:
  JpegSegmentWriter(Bytes& out, std::uint8_t marker) : out_(out), at_(out.size()) {
    out.insert(out.end(), {0xFF, marker, 0, 0});
  }
  JpegSegmentWriter(const JpegSegmentWriter&) = delete;
  JpegSegmentWriter& operator=(const JpegSegmentWriter&) = delete;
  ~JpegSegmentWriter() {
    const std::size_t length = out_.size() - at_ - 2;
    out_[at_ + 2] = static_cast<std::uint8_t>(length >> 8);
    out_[at_ + 3] = static_cast<std::uint8_t>(length);
  }
  JpegSegmentWriter& byte(std::size_t value) {
    out_.push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  JpegSegmentWriter& word(std::size_t value) { return byte(value >> 8).byte(value); }
  JpegSegmentWriter& bytes(ByteView all) {
    out_.insert(out_.end(), all.begin(), all.end());
    return *this;
  }

 private:
  Bytes& out_;
  std::size_t at_;
};

// A colour profile in as many APP2 segments as it takes (ICC.1 annex B), of which there are 255 at most.
inline constexpr std::size_t kJpegProfileChunk = 65533 - 14;
inline constexpr std::size_t kMostJpegProfile = 255 * kJpegProfileChunk;
void append_jpeg_profile(Bytes& out, ByteView icc);

}  // namespace microtome::codec
