// SPDX-License-Identifier: Apache-2.0
// For tests: TIFF files written by libtiff from a made picture, and TIFF bytes laid out by hand for what no writer
// writes.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <tiffio.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "image/picture.hpp"
#include "image/tiff_bytes_for_test.hpp"
#include "io/file.hpp"
#include "io/scratch_dir.hpp"

namespace microtome::image::test {

struct Made {
  std::string mode = "w";  // libtiff: w, wb (big endian), w8 (BigTIFF), wb8
  int width = 150;
  int height = 100;
  int tile = 64;  // 0: strips of `rows`
  int rows = 16;
  int samples = 3;
  int bits = 8;
  int format = SAMPLEFORMAT_UINT;
  int compression = COMPRESSION_NONE;
  int photometric = PHOTOMETRIC_RGB;
  int predictor = 0;
  int planar = PLANARCONFIG_CONTIG;
  int extra = -1;  // ExtraSamples for the last sample
  int levels = 1;  // halves
  bool sub_ifds = false;
  std::string description = {};
};

// The picture's samples: smooth with edges, between 0 and 1.
inline double value_at(int x, int y, int channel) {
  const double wave = 0.5 + 0.35 * std::sin(x * 0.045 * (channel + 1)) * std::cos(y * 0.06 + channel);
  return (x / 16 + y / 16) % 5 == 0 ? 1 - wave : wave;
}

// As stored: in the bits of the picture, `scale` = size of level 0 over size of this level.
inline double stored_at(const Made& made, int x, int y, int channel, int scale) {
  const double value = value_at(x * scale, y * scale, channel);
  if (made.format == SAMPLEFORMAT_IEEEFP) {
    return made.bits == 32 ? static_cast<double>(static_cast<float>(value)) : value;
  }
  const double most = std::pow(2.0, made.bits) - 1;
  const double whole = std::floor(value * most + 0.5);
  return made.format == SAMPLEFORMAT_INT ? whole - (most + 1) / 2 : whole;
}

// Puts the samples of one row of a block (MSB first, native order) at `out`.
inline void pack_row(const Made& made, int x0, int y, int width, int first, int count, int scale, std::uint8_t* out) {
  std::size_t bit = 0;
  for (int x = 0; x < width; ++x) {
    for (int c = first; c < first + count; ++c) {
      const double value = stored_at(made, x0 + x, y, c, scale);
      if (made.format == SAMPLEFORMAT_IEEEFP) {
        const auto single = static_cast<float>(value);
        std::memcpy(out, made.bits == 32 ? static_cast<const void*>(&single) : &value, made.bits / 8);
        out += made.bits / 8;
      } else if (made.bits % 8 == 0) {
        const auto whole = static_cast<std::int64_t>(value);
        std::memcpy(out, &whole, made.bits / 8);
        out += made.bits / 8;
      } else {
        const auto whole = static_cast<unsigned>(value);
        for (int i = made.bits - 1; i >= 0; --i, ++bit) {
          out[bit / 8] = static_cast<std::uint8_t>(out[bit / 8] | (whole >> i & 1U) << (7 - bit % 8));
        }
      }
    }
  }
}

inline void write_level(TIFF* tiff, const Made& made, int level) {
  const int scale = 1 << level;
  const int width = (made.width + scale - 1) / scale;
  const int height = (made.height + scale - 1) / scale;
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, made.bits);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, made.samples);
  TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, made.format);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, made.compression);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, made.photometric);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, made.planar);
  if (made.compression == COMPRESSION_JPEG) {
    TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, 85);
    TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE,
                 made.photometric == PHOTOMETRIC_YCBCR ? JPEGCOLORMODE_RGB : JPEGCOLORMODE_RAW);
  }
  if (made.predictor != 0) {
    TIFFSetField(tiff, TIFFTAG_PREDICTOR, made.predictor);
  }
  if (made.extra >= 0) {
    const auto extra = static_cast<std::uint16_t>(made.extra);
    TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &extra);
  }
  if (level > 0) {
    TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
  } else if (!made.description.empty()) {
    TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, made.description.c_str());
  }
  if (made.photometric == PHOTOMETRIC_PALETTE) {
    std::vector<std::uint16_t> red, green, blue;
    for (int i = 0; i < 1 << made.bits; ++i) {
      red.push_back(static_cast<std::uint16_t>(i * 257));
      green.push_back(static_cast<std::uint16_t>((255 - i) * 257));
      blue.push_back(static_cast<std::uint16_t>((i * 7 & 255) * 257));
    }
    TIFFSetField(tiff, TIFFTAG_COLORMAP, red.data(), green.data(), blue.data());
  }
  const int block_width = made.tile != 0 ? made.tile : width;
  const int block_height = made.tile != 0 ? made.tile : made.rows;
  if (made.tile != 0) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, made.tile);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, made.tile);
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, made.rows);
  }
  const bool planar = made.planar == PLANARCONFIG_SEPARATE;
  const int count = planar ? 1 : made.samples;
  const std::size_t row_size = (static_cast<std::size_t>(block_width) * count * made.bits + 7) / 8;
  std::uint32_t index = 0;
  for (int plane = 0; plane < (planar ? made.samples : 1); ++plane) {
    for (int y = 0; y < height; y += block_height) {
      for (int x = 0; x < width; x += block_width) {
        const int rows = made.tile != 0 ? made.tile : std::min(block_height, height - y);
        std::vector<std::uint8_t> block(row_size * rows + 8);
        for (int row = 0; row < rows; ++row) {
          pack_row(made, x, y + row, block_width, plane, count, scale, block.data() + row * row_size);
        }
        const auto size = static_cast<tmsize_t>(row_size * rows);
        const tmsize_t put = made.tile != 0 ? TIFFWriteEncodedTile(tiff, index, block.data(), size)
                                            : TIFFWriteEncodedStrip(tiff, index, block.data(), size);
        ASSERT_EQ(put, size);
        ++index;
      }
    }
  }
}

inline std::string write(const io::ScratchDir& scratch, const Made& made, const std::string& name = "made.tif") {
  const std::string path = scratch.path(name);
  TIFFSetWarningHandler(nullptr);
  TIFF* tiff = TIFFOpen(path.c_str(), made.mode.c_str());
  EXPECT_NE(tiff, nullptr);
  for (int level = 0; level < made.levels; ++level) {
    if (level == 0 && made.sub_ifds && made.levels > 1) {
      const std::vector<toff_t> none(made.levels - 1);
      TIFFSetField(tiff, TIFFTAG_SUBIFD, made.levels - 1, none.data());
    }
    write_level(tiff, made, level);
    EXPECT_NE(TIFFWriteDirectory(tiff), 0);
  }
  TIFFClose(tiff);
  return path;
}

inline Result<PicturePtr> open(const std::string& path, const OpenLimits& limits = {}) {
  auto file = io::File::open(path);
  return file ? open_picture(*file, limits) : pass(file.error());
}

// A file that only exists in memory: thousands of broken ones would otherwise wait for the disk.
inline Result<io::FilePtr> in_memory(ByteView bytes) {
  const int fd = ::memfd_create("picture", MFD_CLOEXEC);
  EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return io::File::adopt(fd, "/in/memory");
}

inline std::string fixture(const std::string& name) {
  return std::string(MICROTOME_FIXTURES) + "/" + name;
}

inline Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// What a client gets: prefix, range and suffix joined.
inline Bytes joined(const StoredTile& tile) {
  Bytes bytes = tile.prefix ? *tile.prefix : Bytes{};
  const auto range = tile.range.file->read(tile.range.offset, tile.range.length);
  EXPECT_TRUE(range);
  bytes.insert(bytes.end(), range->begin(), range->end());
  if (tile.suffix) {
    bytes.insert(bytes.end(), tile.suffix->begin(), tile.suffix->end());
  }
  return bytes;
}

}  // namespace microtome::image::test
