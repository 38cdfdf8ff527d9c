// SPDX-License-Identifier: Apache-2.0
// JPEG: look into a stream, splice the tables of a TIFF in front of its tiles, decode, encode, crop and turn without
// decoding. All functions are pure and thread-safe, take any bytes, write nothing to stderr and never exit. Broken
// bytes give Code::corrupt; sizes over `max_pixels` give Code::too_large before anything is allocated for them.
//
// A stream is "abbreviated" when its quantisation and Huffman tables are elsewhere (TIFF tag JPEGTables). Every
// function takes those as `tables`: SOI, tables, EOI as in the tag, or empty.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "codec/icc.hpp"
#include "pixel/convert.hpp"
#include "pixel/image.hpp"

namespace microtome::codec {

inline constexpr std::uint64_t kMaxPixels = 1ULL << 28;  // 268 MPixel: the default of every decoder here

struct JpegInfo {
  int width = 0;
  int height = 0;
  int components = 0;
  int precision = 8;                              // bits a sample
  std::array<std::uint8_t, 4> component_id = {};  // as in the frame header
  std::array<std::uint8_t, 4> horizontal = {};    // sampling factors
  std::array<std::uint8_t, 4> vertical = {};
  bool progressive = false;
  bool arithmetic = false;
  bool lossless = false;  // also hierarchical: anything but baseline, extended and progressive DCT
  bool has_soi = false;   // of the stream itself
  bool has_jfif = false;
  int adobe_transform = -1;  // of the APP14 "Adobe" marker: 0, 1, 2; -1 without one
  bool has_icc = false;
  bool has_dqt = false;  // in the stream or the tables
  bool has_dht = false;
  bool has_eoi = false;           // the bytes given end in EOI; meaningless for a mere head
  bool tables_in_stream = false;  // the stream alone has DQT and (unless arithmetic) DHT
  int restart_interval = 0;       // MCUs
  std::size_t sof_offset = 0;     // of the 0xFF of the frame header
  std::size_t scan_offset = 0;    // of the first entropy-coded byte; 0: the bytes given end before it
  int mcu_width = 8;              // pixels
  int mcu_height = 8;

  // Markers and component ids as decoders guess them: the three components are RGB, not YCbCr.
  [[nodiscard]] bool looks_rgb() const;
};

// Reads the markers up to the first scan. `head` may end anywhere after the frame header (a few hundred bytes are
// usually enough; a picture with big APP segments needs more: Code::corrupt says "truncated" then).
Result<JpegInfo> inspect_jpeg(ByteView head, ByteView tables = {});

[[nodiscard]] bool ends_with_eoi(ByteView tail);

struct PrefixOptions {
  ByteView tables = {};                // tag JPEGTables, may be empty
  ByteView icc = {};                   // profile to embed, may be empty
  std::optional<bool> rgb_coded = {};  // PhotometricInterpretation: RGB true, YCbCr false; unset: what it looks like
};

// What has to stand in front of the body of a tile (its bytes without the SOI, i.e. from offset 2 when has_soi) so
// that it is a whole JPEG that any browser shows in the right colours: SOI, APP14 when needed, APP2 ICC, tables.
// The same for all tiles of a level, so it is built once. unsupported when the tile must be decoded instead: four
// components, not 8 bits, lossless, arithmetic, missing tables, or markers in the tile that contradict rgb_coded.
Result<Bytes> build_prefix(const JpegInfo& tile, const PrefixOptions& options);

struct JpegDecodeOptions {
  int scale_denominator = 1;              // 1, 2, 4, 8: the picture is ceil(width / n) x ceil(height / n)
  std::uint64_t max_pixels = kMaxPixels;  // of the scaled picture or its region; multi-scan files: of the whole file
  std::optional<bool> rgb_coded = {};     // overrides what the markers say (TIFF's photometric does)
  ByteView tables = {};
  std::optional<pixel::Rect> region = {};  // in pixels of the scaled picture, must lie inside: a partial decode
  bool luma_only = false;                  // grey of a YCbCr picture: a little cheaper
  const InkProfile* inks = nullptr;        // of CMYK and YCCK; without one they are taken as they are
  bool tolerant = false;                   // true: damaged entropy data decodes to what there is instead of corrupt
};

// grey or rgb, u8. CMYK and YCCK become rgb (Adobe's inversion handled), sRGB where `inks` says how they look. 12
// bits, lossless: unsupported.
Result<pixel::Image> decode_jpeg(ByteView stream, const JpegDecodeOptions& options = {});

// The whole picture straight into `target`, without one in between: `place` is where it goes, and may reach beyond
// the target; what lies outside is dropped. False, and nothing is written, when the decoded size is not that of
// `place`, the target is not of 8 bits or has other channels (CMYK never fits), or a region was asked for. After an
// error the place holds anything.
Result<bool> decode_jpeg_into(ByteView stream, const JpegDecodeOptions& options, pixel::Image& target,
                              const pixel::Rect& place);

enum class Subsampling : std::uint8_t { automatic, s444, s420 };  // automatic: 4:2:0 up to quality 89, else 4:4:4

struct JpegEncodeOptions {
  int quality = 75;  // 1..100, clamped
  Subsampling subsampling = Subsampling::automatic;
  ByteView icc = {};
  std::string_view comment = {};
  pixel::Rgb8 background = {};  // under an alpha channel
  double pixels_per_inch = 0;   // 0: no density
};

// Baseline, standard Huffman tables. Any colour and sample type: brought to grey or rgb of 8 bits first.
Result<Bytes> encode_jpeg(const pixel::Image& image, const JpegEncodeOptions& options = {});

struct JpegCropOptions {
  ByteView tables = {};
  ByteView icc = {};
  std::optional<bool> rgb_coded = {};
  std::uint64_t max_pixels = kMaxPixels;
};

// The top left width x height of a picture, cut in the DCT domain: no loss, any size from 1 to the picture's.
Result<Bytes> crop_jpeg(ByteView stream, int width, int height, const JpegCropOptions& options = {});

enum class JpegTransform : std::uint8_t { none, mirror, flip, rotate90, rotate180, rotate270, transpose, transverse };

struct JpegTransformOptions {
  JpegTransform transform = JpegTransform::none;  // mirror: left-right; flip: top-bottom; rotations clockwise
  bool grey = false;                              // drop the colour
  ByteView tables = {};
  std::optional<bool> rgb_coded = {};
  std::uint64_t max_pixels = kMaxPixels;
};

// Without loss, so only for sizes that are whole MCUs where the transform needs them: unsupported otherwise.
Result<Bytes> transform_jpeg(ByteView stream, const JpegTransformOptions& options);

}  // namespace microtome::codec
