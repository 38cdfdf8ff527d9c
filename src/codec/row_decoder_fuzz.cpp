// SPDX-License-Identifier: Apache-2.0
// Any bytes as a JPEG or PNG that is pulled in small pieces and decoded row by row: never more rows than announced,
// all of the announced width. Nothing may crash or hang.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "codec/row_decoder.hpp"

using namespace microtome;

namespace {

codec::Pull pull_of(std::span<const std::uint8_t> bytes, std::size_t piece) {
  return [bytes, piece, at = std::size_t{0}](std::span<std::uint8_t> out) mutable -> std::size_t {
    const std::size_t count = std::min({out.size(), piece, bytes.size() - at});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, out.begin());
    at += count;
    return count;
  };
}

void run(Result<codec::RowDecoderPtr> decoder, int rows) {
  constexpr std::int64_t kMost = 1 << 20;  // pixels: more are only slow
  if (!decoder || std::int64_t{(*decoder)->width()} * (*decoder)->height() > kMost) {
    return;
  }
  std::int64_t seen = 0;
  while (true) {
    const auto band = (*decoder)->next(rows);
    if (!band || band->height == 0) {
      return;
    }
    seen += band->height;
    if (band->width != (*decoder)->width() || seen > (*decoder)->height() || band->height > rows) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::size_t piece = 1 + data[0] * std::size_t{7};
  const int rows = 1 + data[1] % 64;
  const std::span<const std::uint8_t> bytes(data + 2, size - 2);
  run(codec::decode_jpeg_rows(pull_of(bytes, piece)), rows);
  run(codec::decode_png_rows(pull_of(bytes, piece)), rows);
  return 0;
}
