// SPDX-License-Identifier: Apache-2.0
// PNG: our own writer over ISA-L and libdeflate, libpng for reading. Functions are pure and thread-safe; broken bytes
// give Code::corrupt.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/jpeg.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

enum class PngFilter : std::uint8_t {
  none,
  sub,
  up,
  adaptive
};  // adaptive: per row, the smallest sum of differences

struct PngEncodeOptions {
  int level = 1;  // 1: ISA-L, four times faster than libdeflate's 1 at the same size; 0, 2..12: libdeflate
  PngFilter filter = PngFilter::sub;
  ByteView icc = {};
  std::uint32_t pixels_per_metre = 0;  // 0: no pHYs
};

// grey, grey_alpha, rgb, rgba of u8 and u16; other colours and types are brought to the nearest of these.
Result<Bytes> encode_png(const pixel::Image& image, const PngEncodeOptions& options = {});

// The same in strips, for pictures that are larger than memory should be: begin, add() from top to bottom until all
// rows are there, finish(); take() whenever there is something to send. Always level 1. One thread at a time.
class PngStream {
 public:
  // colour: grey, grey_alpha, rgb or rgba; sample: u8 or u16. bad_request otherwise.
  static Result<PngStream> begin(int width, int height, pixel::Colour colour, pixel::Sample sample,
                                 const PngEncodeOptions& options = {});
  PngStream(PngStream&&) noexcept;
  PngStream& operator=(PngStream&&) noexcept;
  ~PngStream();

  // A strip of the whole width and the type that begin() was told; bad_request otherwise or with too many rows.
  Result<void> add(const pixel::Image& strip);
  // bad_request while rows are missing.
  Result<void> finish();
  // What has been written since the last take().
  [[nodiscard]] Bytes take();

 private:
  struct State;
  explicit PngStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct PngInfo {
  int width = 0;
  int height = 0;
  int channels = 0;  // after expanding: 1..4
  int bits = 8;      // after expanding: 8 or 16
  bool palette = false;
  bool interlaced = false;
  bool alpha = false;  // an alpha channel or tRNS
};

// Reads the chunks before the first IDAT.
Result<PngInfo> inspect_png(ByteView head);

// grey, grey_alpha, rgb, rgba of u8 or u16 (native byte order). Palettes and 1, 2, 4 bits are expanded to 8.
Result<pixel::Image> decode_png(ByteView stream, std::uint64_t max_pixels = kMaxPixels);

}  // namespace microtome::codec
