// SPDX-License-Identifier: Apache-2.0
// The first byte chooses what is done with the stream behind it. Any result must be of the size it was asked for.
#include <cstdlib>

#include "codec/jpeg.hpp"
#include "codec/jpeg_planes.hpp"

using namespace microtome;         // NOLINT
using namespace microtome::codec;  // NOLINT

namespace {

constexpr std::uint64_t kMost = 1 << 20;

void decode(ByteView stream, std::uint8_t choice) {
  JpegDecodeOptions options;
  options.max_pixels = kMost;
  options.scale_denominator = 1 << (choice & 3);
  options.tolerant = (choice & 4) != 0;
  options.luma_only = (choice & 8) != 0;
  if ((choice & 16) != 0) {
    options.region = pixel::Rect{choice & 7, choice & 3, 5, 3};
  }
  const auto image = decode_jpeg(stream, options);
  if (image && options.region && (image->width != 5 || image->height != 3)) {
    std::abort();
  }
}

// As a tile of a larger picture that it may stick out of, and back into a stream.
void planes(ByteView stream, std::uint8_t choice) {
  const auto info = inspect_jpeg(stream);
  const auto factors = info ? plane_factors(*info) : std::nullopt;
  if (!factors) {
    return;
  }
  JpegDecodeOptions options;
  options.max_pixels = kMost;
  options.tolerant = (choice & 4) != 0;
  auto target = pixel::Planes::make(37, 41, factors->across, factors->down);
  const auto done = decode_jpeg_planes(stream, options, info->width, info->height, target, (choice & 3) * -8, 8);
  if (done && *done && !encode_jpeg_planes(target, {.quality = 1 + (choice & 31)})) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) {
    return 0;
  }
  const std::uint8_t choice = data[0];
  const ByteView stream(data + 1, size - 1);
  if ((choice & 0xC0) == 0x40) {
    const auto cropped = crop_jpeg(stream, 1 + (choice & 31), 9, {.max_pixels = kMost});
    if (cropped && inspect_jpeg(*cropped)->width != 1 + (choice & 31)) {
      std::abort();
    }
  } else if ((choice & 0xC0) == 0x80) {
    (void)transform_jpeg(
        stream,
        {.transform = static_cast<JpegTransform>(choice & 7), .grey = (choice & 8) != 0, .max_pixels = kMost});
  } else if ((choice & 0xC0) == 0xC0) {
    planes(stream, choice);
  } else {
    decode(stream, choice);
  }
  return 0;
}
