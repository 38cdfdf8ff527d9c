// SPDX-License-Identifier: Apache-2.0
// Marker walk and splice. Formats: ITU-T T.81 annex B, JFIF 1.02, Adobe TN 5116, TIFF technical note 2, ICC.1 annex
// B.
#include <algorithm>
#include <cstring>
#include <string>

#include "codec/jpeg.hpp"
#include "codec/jpeg_segments.hpp"

namespace microtome::codec {
namespace {

constexpr std::string_view kIccTag("ICC_PROFILE\0", 12);

bool is_frame(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

Result<void> read_frame(const JpegSegment& segment, JpegInfo& info) {
  const ByteView body = segment.body;
  if (info.components != 0) {
    return fail(Code::corrupt, "JPEG with two frame headers");
  }
  if (body.size() < 6 || body.size() < 6U + 3U * body[5]) {
    return fail(Code::corrupt, "broken JPEG frame header");
  }
  info.precision = body[0];
  info.height = body[1] << 8 | body[2];
  info.width = body[3] << 8 | body[4];
  info.components = body[5];
  if (info.height == 0) {
    return fail(Code::unsupported, "JPEG without a height");
  }
  if (info.width == 0 || info.components < 1 || info.components > 4) {
    return fail(Code::corrupt, "broken JPEG frame header");
  }
  int most_horizontal = 1;
  int most_vertical = 1;
  for (int i = 0; i < info.components; ++i) {
    const std::uint8_t sampling = body[6 + 3 * i + 1];
    info.component_id[i] = body[6 + 3 * i];
    info.horizontal[i] = sampling >> 4;
    info.vertical[i] = sampling & 15;
    if (info.horizontal[i] < 1 || info.horizontal[i] > 4 || info.vertical[i] < 1 || info.vertical[i] > 4) {
      return fail(Code::corrupt, "broken JPEG sampling factors");
    }
    most_horizontal = std::max<int>(most_horizontal, info.horizontal[i]);
    most_vertical = std::max<int>(most_vertical, info.vertical[i]);
  }
  // A single component is never interleaved: its MCU is one block whatever its factors say.
  info.mcu_width = info.components == 1 ? 8 : 8 * most_horizontal;
  info.mcu_height = info.components == 1 ? 8 : 8 * most_vertical;
  const std::uint8_t kind = segment.marker & 15;
  info.progressive = kind == 2 || kind == 10;
  info.arithmetic = kind >= 9;
  info.lossless = kind != 0 && kind != 1 && kind != 2 && kind != 9 && kind != 10;
  info.sof_offset = segment.offset;
  return {};
}

void read_application(const JpegSegment& segment, JpegInfo& info) {
  const std::string_view text = as_text(segment.body);
  if (segment.marker == 0xE0 && text.starts_with(std::string_view("JFIF\0", 5)) && text.size() >= 14) {
    info.has_jfif = true;
  } else if (segment.marker == 0xEE && text.starts_with("Adobe") && text.size() >= 12) {
    info.adobe_transform = segment.body[11];
  } else if (segment.marker == 0xE2 && text.starts_with(kIccTag)) {
    info.has_icc = true;
  }
}

void append_adobe(Bytes& out, bool rgb) {
  constexpr std::array<std::uint8_t, 11> kHead = {'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0};
  JpegSegmentWriter(out, 0xEE).bytes(kHead).byte(rgb ? 0 : 1);
}

Result<void> require_browser_jpeg(const JpegInfo& tile, const PrefixOptions& options) {
  if (tile.components != 1 && tile.components != 3) {
    return fail(Code::unsupported, "JPEG of this many components must be decoded");
  }
  if (tile.precision != 8 || tile.lossless || tile.arithmetic) {
    return fail(Code::unsupported, "JPEG process that browsers do not show");
  }
  const bool marked = tile.has_jfif || tile.adobe_transform >= 0;
  if (tile.components == 3 && marked && options.rgb_coded && *options.rgb_coded != tile.looks_rgb()) {
    return fail(Code::unsupported, "JPEG markers contradict the colour space");
  }
  return {};
}

}  // namespace

void append_jpeg_profile(Bytes& out, ByteView icc) {
  const std::size_t count = (icc.size() + kJpegProfileChunk - 1) / kJpegProfileChunk;
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView rest = icc.subspan(i * kJpegProfileChunk);
    JpegSegmentWriter(out, 0xE2)
        .bytes(as_bytes(kIccTag))
        .byte(i + 1)
        .byte(count)
        .bytes(rest.first(std::min(kJpegProfileChunk, rest.size())));
  }
}

Result<std::optional<JpegSegment>> next_jpeg_segment(ByteView bytes, std::size_t& position) {
  std::size_t at = position;
  if (at >= bytes.size()) {
    return std::nullopt;
  }
  if (bytes[at] != 0xFF) {
    return fail(Code::corrupt, "not a JPEG marker", "offset " + std::to_string(at));
  }
  while (at < bytes.size() && bytes[at] == 0xFF) {  // any number of fill bytes
    ++at;
  }
  if (at >= bytes.size()) {
    return std::nullopt;
  }
  JpegSegment segment;
  segment.marker = bytes[at];
  segment.offset = at - 1;
  ++at;
  const bool bare = segment.marker == 0x01 || (segment.marker >= 0xD0 && segment.marker <= 0xD9);
  if (segment.marker == 0) {
    return fail(Code::corrupt, "not a JPEG marker", "offset " + std::to_string(at));
  }
  if (!bare) {
    if (bytes.size() - at < 2) {
      return std::nullopt;
    }
    const std::size_t length = bytes[at] << 8 | bytes[at + 1];
    if (length < 2) {
      return fail(Code::corrupt, "broken JPEG segment length", "offset " + std::to_string(at));
    }
    if (length > bytes.size() - at) {
      return std::nullopt;
    }
    segment.body = bytes.subspan(at + 2, length - 2);
    at += length;
  }
  segment.whole = bytes.subspan(segment.offset, at - segment.offset);
  position = at;
  return segment;
}

Result<std::vector<ByteView>> jpeg_table_segments(ByteView tables) {
  std::vector<ByteView> found;
  std::size_t position = 0;
  while (true) {
    auto segment = next_jpeg_segment(tables, position);
    if (!segment) {
      return pass(segment.error(), "JPEG tables");
    }
    if (!*segment || (*segment)->marker == 0xD9) {
      if (!*segment && position < tables.size()) {
        return fail(Code::corrupt, "truncated JPEG tables");
      }
      return found;
    }
    switch ((*segment)->marker) {
      case 0xC4:  // DHT
      case 0xCC:  // DAC
      case 0xDB:  // DQT
      case 0xDD:  // DRI
        found.push_back((*segment)->whole);
        break;
      default:
        if (is_frame((*segment)->marker) || (*segment)->marker == 0xDA) {
          return fail(Code::corrupt, "JPEG tables hold a picture");
        }
    }
  }
}

bool JpegInfo::looks_rgb() const {
  if (components != 3 || has_jfif) {
    return false;
  }
  if (adobe_transform >= 0) {
    return adobe_transform == 0;
  }
  return component_id[0] == 'R' && component_id[1] == 'G' && component_id[2] == 'B';
}

bool ends_with_eoi(ByteView tail) {
  return tail.size() >= 2 && tail[tail.size() - 2] == 0xFF && tail[tail.size() - 1] == 0xD9;
}

Result<JpegInfo> inspect_jpeg(ByteView head, ByteView tables) {
  JpegInfo info;
  bool own_dht = false;
  bool own_dqt = false;
  info.has_soi = head.size() >= 2 && head[0] == 0xFF && head[1] == 0xD8;
  info.has_eoi = ends_with_eoi(head);
  std::size_t position = info.has_soi ? 2 : 0;
  while (info.scan_offset == 0) {
    auto segment = next_jpeg_segment(head, position);
    if (!segment) {
      return pass(segment.error());
    }
    if (!*segment) {
      break;
    }
    const JpegSegment& found = **segment;
    if (found.marker == 0xD8 || found.marker == 0xD9) {
      return fail(Code::corrupt, "JPEG ends before its picture");
    }
    if (is_frame(found.marker)) {
      if (auto frame = read_frame(found, info); !frame) {
        return pass(frame.error());
      }
    }
    own_dqt = own_dqt || found.marker == 0xDB;
    own_dht = own_dht || found.marker == 0xC4;
    if (found.marker == 0xDD && found.body.size() >= 2) {
      info.restart_interval = found.body[0] << 8 | found.body[1];
    } else if (found.marker == 0xDA) {
      info.scan_offset = position;
    } else {
      read_application(found, info);
    }
  }
  if (info.components == 0) {
    return fail(Code::corrupt, info.scan_offset == 0 ? "truncated JPEG" : "JPEG scan without a frame header");
  }
  info.tables_in_stream = own_dqt && (own_dht || info.arithmetic);
  info.has_dqt = own_dqt;
  info.has_dht = own_dht;
  auto segments = jpeg_table_segments(tables);
  if (!segments) {
    return pass(segments.error());
  }
  for (const ByteView segment : *segments) {
    info.has_dqt = info.has_dqt || segment[1] == 0xDB;
    info.has_dht = info.has_dht || segment[1] == 0xC4;
  }
  return info;
}

Result<Bytes> build_prefix(const JpegInfo& tile, const PrefixOptions& options) {
  if (auto fit = require_browser_jpeg(tile, options); !fit) {
    return pass(fit.error());
  }
  auto segments = jpeg_table_segments(options.tables);
  if (!segments) {
    return pass(segments.error());
  }
  bool has_dqt = tile.has_dqt;
  bool has_dht = tile.has_dht;
  Bytes out = {0xFF, 0xD8};
  if (tile.components == 3 && !tile.has_jfif && tile.adobe_transform < 0) {
    append_adobe(out, options.rgb_coded.value_or(tile.looks_rgb()));
  }
  if (!tile.has_icc) {
    if (options.icc.size() > kMostJpegProfile) {
      return fail(Code::too_large, "colour profile too large for JPEG");
    }
    append_jpeg_profile(out, options.icc);
  }
  for (const ByteView segment : *segments) {
    has_dqt = has_dqt || segment[1] == 0xDB;
    has_dht = has_dht || segment[1] == 0xC4;
    out.insert(out.end(), segment.begin(), segment.end());
  }
  if (!has_dqt || !has_dht) {
    return fail(Code::unsupported, "JPEG without its tables");
  }
  return out;
}

}  // namespace microtome::codec
