// SPDX-License-Identifier: Apache-2.0
// Inside of codec: the usual JPEG (sequential, Huffman, 8 bits, YCbCr in one scan) to planes, with libjpeg's results
// to the bit in about half of its time. What is unusual or damaged is left to libjpeg.
#pragma once

#include "base/bytes.hpp"
#include "codec/jpeg.hpp"
#include "pixel/planes.hpp"

namespace microtome::codec {

// The whole picture of width x height into `target` at (x, y), as decode_jpeg_planes(). False when libjpeg has to
// look at the stream: it is of another kind, size or sampling, or broken; `target` holds anything at that place then.
// Thread-safe.
bool decode_baseline_planes(ByteView stream, ByteView tables, int width, int height, pixel::Planes& target,
                            std::int64_t x, std::int64_t y);

// The whole picture as rgb (u8) into `target`, at `place` and of its size, as decode_jpeg_into(). False as above,
// also when it is RGB in the stream, or large.
bool decode_baseline_rgb(ByteView stream, const JpegDecodeOptions& options, pixel::Image& target,
                         const pixel::Rect& place);

}  // namespace microtome::codec
