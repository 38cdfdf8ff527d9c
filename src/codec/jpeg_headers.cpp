// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_headers.hpp"

#include <utility>

#include "codec/jpeg_segments.hpp"

namespace microtome::codec {
namespace {

std::uint16_t u16(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

bool read_quantisation(ByteView body, BaselineStream& out) {
  while (!body.empty()) {
    const std::size_t wide = body[0] >> 4U;
    const std::size_t which = body[0] & 15U;
    const std::size_t bytes = kBlockCoefficients << wide;
    if (wide > 1 || which > 3 || body.size() < 1 + bytes) {
      return false;
    }
    auto& table = out.quantisation[which].emplace();
    for (std::size_t k = 0; k < kBlockCoefficients; ++k) {
      table[k] = wide == 0 ? body[1 + k] : u16(body, 1 + 2 * k);
    }
    body = body.subspan(1 + bytes);
  }
  return true;
}

bool read_huffman(ByteView body, BaselineStream& out) {
  while (!body.empty()) {
    const bool ac = (body[0] >> 4U) == 1;
    const std::size_t which = body[0] & 15U;
    if (body[0] >> 4U > 1 || which > 3 || body.size() < 17) {
      return false;
    }
    std::size_t symbols = 0;
    for (std::size_t i = 1; i <= 16; ++i) {
      symbols += body[i];
    }
    if (body.size() < 17 + symbols) {
      return false;
    }
    (ac ? out.ac : out.dc)[which] = body.subspan(1, 16 + symbols);
    body = body.subspan(17 + symbols);
  }
  return true;
}

bool read_frame(ByteView body, BaselineStream& out) {
  if (body.size() != 15 || body[0] != 8 || body[5] != 3 || out.width != 0) {
    return false;
  }
  out.height = u16(body, 1);
  out.width = u16(body, 3);
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t at = 6 + 3 * c;
    out.component[c] = {body[at], body[at + 1] >> 4, body[at + 1] & 15, body[at + 2], 0, 0};
    if (out.component[c].quantisation > 3) {
      return false;
    }
  }
  return out.width > 0 && out.height > 0;
}

bool read_scan(ByteView body, BaselineStream& out) {
  if (body.size() != 10 || body[0] != 3 || out.width == 0 || body[7] != 0 || body[8] != 63 || body[9] != 0) {
    return false;
  }
  for (std::size_t c = 0; c < 3; ++c) {
    BaselineComponent& component = out.component[c];
    if (body[1 + 2 * c] != component.id) {
      return false;
    }
    component.dc = body[2 + 2 * c] >> 4U;
    component.ac = body[2 + 2 * c] & 15U;
    if (component.dc > 3 || component.ac > 3) {
      return false;
    }
  }
  return true;
}

// The segments up to the scan. False for anything unusual.
bool read_segments(ByteView bytes, BaselineStream& out) {
  std::size_t position = 0;
  while (true) {
    const auto segment = next_jpeg_segment(bytes, position);
    if (!segment || !*segment) {
      return segment.has_value() && position >= bytes.size();  // tables have no scan
    }
    const ByteView body = (*segment)->body;
    bool good = true;
    switch ((*segment)->marker) {
      case 0xDB:
        good = read_quantisation(body, out);
        break;
      case 0xC4:
        good = read_huffman(body, out);
        break;
      case 0xDD:
        good = body.size() == 2;
        out.restart = good ? u16(body, 0) : 0;
        break;
      case 0xC0:
      case 0xC1:
        good = read_frame(body, out);
        break;
      case 0xDA:
        out.scan = bytes.subspan(position);
        return read_scan(body, out);
      case 0xD8:
        break;
      case 0xD9:
        return true;  // of tables
      default:
        good = (*segment)->marker >= 0xE0;  // applications, comments
    }
    if (!good) {
      return false;
    }
  }
}

}  // namespace

std::optional<BaselineStream> read_baseline(ByteView stream, ByteView tables) {
  BaselineStream read;
  if (!read_segments(tables, read) || read.width != 0 || !read_segments(stream, read) || read.scan.empty()) {
    return std::nullopt;
  }
  const auto& component = read.component;
  const bool usual = component[0].across >= 1 && component[0].across <= 2 && component[0].down >= 1 &&
                     component[0].down <= 2 && component[1].across == 1 && component[1].down == 1 &&
                     component[2].across == 1 && component[2].down == 1;
  return usual ? std::optional(std::move(read)) : std::nullopt;
}

}  // namespace microtome::codec
