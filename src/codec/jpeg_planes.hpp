// SPDX-License-Identifier: Apache-2.0
// JPEG to and from planes of YCbCr: what decode_jpeg() and encode_jpeg() do, without enlarging and converting colour.
// Pure; thread-safe; any bytes are taken (Code::corrupt).
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/jpeg.hpp"
#include "pixel/planes.hpp"

namespace microtome::codec {

// Factors of a stream that can be decoded to planes: three components, YCbCr, colour whole or halved.
struct PlaneFactors {
  int across = 1;
  int down = 1;
  friend bool operator==(const PlaneFactors&, const PlaneFactors&) = default;
};
[[nodiscard]] std::optional<PlaneFactors> plane_factors(const JpegInfo& info);

// The whole picture, which must be width x height, into `target` with its top left pixel at (x, y), multiples of the
// target's factors; what lies outside is dropped. False when the stream has another size, other factors or is not
// YCbCr (it then has to be decoded by itself). Of `options` only tables, tolerant and max_pixels count.
Result<bool> decode_jpeg_planes(ByteView stream, const JpegDecodeOptions& options, int width, int height,
                                pixel::Planes& target, std::int64_t x, std::int64_t y);

// As encode_jpeg() of the same picture; the factors of the planes are those of the stream.
Result<Bytes> encode_jpeg_planes(const pixel::Planes& planes, const JpegEncodeOptions& options);

// Which factors encode_jpeg() would choose.
[[nodiscard]] PlaneFactors factors_for(const JpegEncodeOptions& options);

}  // namespace microtome::codec
