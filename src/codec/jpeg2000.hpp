// SPDX-License-Identifier: Apache-2.0
// JPEG 2000 (ISO/IEC 15444-1: JP2 files and bare codestreams) and HTJ2K (15444-15), decoded by OpenJPEG in windows
// and at reduced resolutions. What the file says is read and judged by our own parser first, so that a hostile one is
// refused before anything is allocated for it. Pure; thread-safe when the source is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

// Where the bytes come from: a codec sees no files. `read` fills the whole span or returns false.
struct ByteSource {
  std::uint64_t size = 0;
  std::function<bool(std::uint64_t offset, std::span<std::uint8_t>)> read;
};

struct Jpeg2000Info {
  std::int64_t width = 0;  // pixels of the full size
  std::int64_t height = 0;
  int resolutions = 1;  // of every tile: 1 + how often the size can be halved
  int channels = 3;     // after a palette is applied
  int bits = 8;         // of the deepest channel, 1..16 (more are cut to 16)
  pixel::Colour colour = pixel::Colour::rgb;
  bool ht = false;               // the block coder is HTJ2K's
  std::int64_t tile_width = 0;   // of the codestream
  std::int64_t tile_height = 0;  // the whole when it has no tiles
  Bytes icc;
  std::optional<double> um_per_pixel_x;  // capture resolution, else display resolution
  std::optional<double> um_per_pixel_y;

  // For the decoder:
  int most_layers = 0;  // quality layers that are decoded; 0 = all. Fewer are coarser, and quicker
  bool jp2 = false;     // boxes around the codestream
  bool sycc = false;    // YCbCr in the components, not only inside of the codestream
  bool palette = false;
  std::int64_t left = 0;  // of the picture, in its pixels
  std::int64_t top = 0;
  pixel::Rect grid;  // the picture on the reference grid
  int step_x = 1;    // of the grid, for one pixel
  int step_y = 1;
  int most_step_x = 1;  // for one sample of the coarsest component
  int most_step_y = 1;
  // Size at 1/2^reduction.
  [[nodiscard]] std::int64_t width_at(int reduction) const;
  [[nodiscard]] std::int64_t height_at(int reduction) const;
};

// Reads boxes, main header and tile-part headers; no pixels. Code::corrupt for what is broken, Code::unsupported for
// more than 16 channels, Code::too_large for tiles whose code blocks and precincts would take more memory than
// anyone should give (about 1 GiB).
Result<Jpeg2000Info> inspect_jpeg2000(const ByteSource& source);

// Pixels of `area` at 1/2^reduction (reduction < resolutions; the area lies inside of that size), u8 for up to 8 bits
// (fewer are spread over 0..255), else u16 (0..2^bits-1). Code::corrupt for broken or truncated pixels.
Result<pixel::Image> decode_jpeg2000(const ByteSource& source, const Jpeg2000Info& info, int reduction,
                                     const pixel::Rect& area);

}  // namespace microtome::codec
