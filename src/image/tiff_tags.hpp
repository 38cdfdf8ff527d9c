// SPDX-License-Identifier: Apache-2.0
// Numbers of the TIFF 6.0 specification, its technical notes, BigTIFF and the registered extensions that we read.
#pragma once

#include <cstdint>

namespace microtome::image::tiff {

enum Tag : std::uint16_t {
  kNewSubfileType = 254,
  kSubfileType = 255,
  kImageWidth = 256,
  kImageLength = 257,
  kBitsPerSample = 258,
  kCompression = 259,
  kPhotometric = 262,
  kFillOrder = 266,
  kDocumentName = 269,
  kImageDescription = 270,
  kMake = 271,
  kModel = 272,
  kStripOffsets = 273,
  kOrientation = 274,
  kSamplesPerPixel = 277,
  kRowsPerStrip = 278,
  kStripByteCounts = 279,
  kXResolution = 282,
  kYResolution = 283,
  kPlanarConfiguration = 284,
  kPageName = 285,
  kResolutionUnit = 296,
  kSoftware = 305,
  kDateTime = 306,
  kArtist = 315,
  kHostComputer = 316,
  kPredictor = 317,
  kColorMap = 320,
  kTileWidth = 322,
  kTileLength = 323,
  kTileOffsets = 324,
  kTileByteCounts = 325,
  kSubIfds = 330,
  kExtraSamples = 338,
  kSampleFormat = 339,
  kSampleMin = 340,
  kSampleMax = 341,
  kJpegTables = 347,
  kXmp = 700,
  kCopyright = 33432,
  kIccProfile = 34675,
};

enum Compression : std::uint16_t {
  kNone = 1,
  kLzw = 5,
  kOldJpeg = 6,
  kJpeg = 7,
  kAdobeDeflate = 8,
  kPackBits = 32773,
  kDeflate = 32946,
  kZstd = 50000,
  kWebp = 50001,
};

enum Photometric : std::uint16_t {
  kMinIsWhite = 0,
  kMinIsBlack = 1,
  kRgb = 2,
  kPalette = 3,
  kMask = 4,
  kCmyk = 5,
  kYcbcr = 6,
  kCieLab = 8,
};

enum Subfile : std::uint32_t { kReduced = 1, kPage = 2, kTransparencyMask = 4 };
enum Extra : std::uint16_t { kUnspecified = 0, kAssociated = 1, kUnassociated = 2 };
enum Format : std::uint16_t { kUnsigned = 1, kSigned = 2, kFloat = 3, kUndefined = 4 };

// Bytes of one value of a field type; 0 for types that do not exist.
[[nodiscard]] constexpr unsigned bytes_of_type(std::uint16_t type) {
  switch (type) {
    case 1:  // BYTE
    case 2:  // ASCII
    case 6:  // SBYTE
    case 7:  // UNDEFINED
      return 1;
    case 3:  // SHORT
    case 8:  // SSHORT
      return 2;
    case 4:   // LONG
    case 9:   // SLONG
    case 11:  // FLOAT
    case 13:  // IFD
      return 4;
    case 5:   // RATIONAL
    case 10:  // SRATIONAL
    case 12:  // DOUBLE
    case 16:  // LONG8
    case 17:  // SLONG8
    case 18:  // IFD8
      return 8;
    default:
      return 0;
  }
}

}  // namespace microtome::image::tiff
