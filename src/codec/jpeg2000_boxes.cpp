// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg2000_boxes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace microtome::codec {
namespace {

constexpr std::uint64_t kMostHeader = 4 << 20;  // bytes of jp2h
constexpr int kMostBoxes = 1000;

struct Box {
  std::array<char, 4> type{};
  std::uint64_t body = 0;  // offset
  std::uint64_t end = 0;
  [[nodiscard]] bool is(std::string_view name) const { return std::string_view(type.data(), 4) == name; }
};

// The box at `at`, that ends at `end` at the latest.
Result<Box> box_at(const ByteSource& source, std::uint64_t at, std::uint64_t end) {
  std::array<std::uint8_t, 16> head{};
  const std::size_t size = std::min<std::uint64_t>(head.size(), end - at);
  if (size < 8 || !source.read(at, {head.data(), size})) {
    return broken_jpeg2000("a box is cut off");
  }
  Box box;
  std::copy_n(head.data() + 4, 4, box.type.data());
  std::uint64_t length = big_endian(head, 0, 4);
  std::uint64_t skip = 8;
  if (length == 1) {
    if (size < 16) {
      return broken_jpeg2000("a box is cut off");
    }
    length = big_endian(head, 8, 8);
    skip = 16;
  } else if (length == 0) {
    length = end - at;
  }
  if (length < skip) {
    return broken_jpeg2000("a box is shorter than its head");
  }
  box.body = at + skip;
  box.end = length > end - at ? end : at + length;  // cut-off files are decoded as far as they go
  return box;
}

// Points per metre of a resc or resd box, as micrometres per pixel.
std::optional<double> micrometres(ByteView body, std::size_t numerator, std::size_t exponent) {
  const auto n = static_cast<double>(big_endian(body, numerator, 2));
  const auto d = static_cast<double>(big_endian(body, numerator + 2, 2));
  const int e = static_cast<std::int8_t>(body[exponent]);
  if (n <= 0 || d <= 0) {
    return std::nullopt;
  }
  const double um = 1e6 / (n / d * std::pow(10.0, e));
  return um > 1e-6 && um < 1e6 ? std::optional(um) : std::nullopt;
}

void take_resolution(ByteView body, Jpeg2000Boxes& boxes) {
  for (std::size_t at = 0; at + 18 <= body.size();) {
    const std::string_view type = as_text(body.subspan(at + 4, 4));
    if (type == "resc" || (type == "resd" && !boxes.um_x)) {
      boxes.um_y = micrometres(body, at + 8, at + 16);
      boxes.um_x = micrometres(body, at + 12, at + 17);
    }
    const auto length = big_endian(body, at, 4);
    if (length < 8) {
      return;
    }
    at += length;
  }
}

void take_header_box(std::string_view type, ByteView body, Jpeg2000Boxes& boxes) {
  if (type == "colr" && body.size() >= 3 && boxes.colour_space == 0 && boxes.icc.empty()) {
    if (body[0] == 1 && body.size() >= 7) {
      boxes.colour_space = static_cast<int>(std::min<std::uint64_t>(big_endian(body, 3, 4), 1 << 20));
    } else if (body[0] == 2 || body[0] == 3) {
      boxes.icc.assign(body.begin() + 3, body.end());
    }
  } else if (type == "pclr" && body.size() >= 4) {
    boxes.palette_columns = body[2];
    for (std::size_t i = 0; i < body[2] && 3 + i < body.size(); ++i) {
      boxes.palette_bits = std::max(boxes.palette_bits, (body[3 + i] & 0x7f) + 1);
    }
  } else if (type == "cdef" && body.size() >= 2) {
    boxes.has_definitions = true;
    for (std::size_t at = 2; at + 6 <= body.size(); at += 6) {
      const auto kind = big_endian(body, at + 2, 2);
      boxes.alpha = boxes.alpha || kind == 1 || kind == 2;
    }
  } else if (type == "res ") {
    take_resolution(body, boxes);
  }
}

Result<void> read_header_box(const ByteSource& source, const Box& header, Jpeg2000Boxes& boxes) {
  if (header.end - header.body > kMostHeader) {
    return broken_jpeg2000("a header that is too long");
  }
  std::uint64_t at = header.body;
  for (int count = 0; count < kMostBoxes && header.end - at >= 8; ++count) {
    const auto box = box_at(source, at, header.end);
    if (!box) {
      return pass(box.error());
    }
    Bytes body(box->end - box->body);
    if (!source.read(box->body, body)) {
      return broken_jpeg2000("a box cannot be read");
    }
    take_header_box({box->type.data(), 4}, body, boxes);
    at = box->end;
  }
  return {};
}

}  // namespace

Result<Jpeg2000Boxes> read_jpeg2000_boxes(const ByteSource& source) {
  Jpeg2000Boxes boxes;
  std::uint64_t at = 0;
  for (int count = 0; count < kMostBoxes && source.size - at >= 8; ++count) {
    const auto box = box_at(source, at, source.size);
    if (!box) {
      return pass(box.error());
    }
    if (box->is("jp2h")) {
      if (auto done = read_header_box(source, *box, boxes); !done) {
        return pass(done.error());
      }
    } else if (box->is("jp2c")) {
      boxes.codestream = box->body;
      boxes.end = box->end;
      return boxes;
    }
    at = box->end;
  }
  return broken_jpeg2000("no codestream");
}

}  // namespace microtome::codec
