// SPDX-License-Identifier: Apache-2.0
// For benchmarks: slices of any size made of a piece of a real one, as a plain JPEG and as a tiled JPEG pyramid.
#pragma once

#include <tiffio.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "codec/jpeg.hpp"
#include "image/picture.hpp"
#include "io/scratch_dir.hpp"
#include "pixel/blit.hpp"
#include "pixel/scale.hpp"

namespace microtome::engine::bench {

// Tissue and glass as they come: the region of CMU-1 that the fixtures hold, side by side.
inline pixel::Image slice(int width, int height) {
  const auto file = io::File::open(std::string(MICROTOME_FIXTURES) + "/CMU-1-Small-Region.svs");
  const auto picture = file ? image::open_picture(*file, {}) : pass(file.error());
  if (!picture) {
    std::abort();
  }
  const image::PictureInfo& info = (*picture)->info();
  int reduction = 1;
  const auto region = (*picture)->decode_region(0, {0, 0, info.width, info.height}, &reduction, {});
  if (!region) {
    std::abort();
  }
  pixel::Image image = pixel::Image::make(width, height, 3, pixel::Colour::rgb);
  for (int y = 0; y < height; y += region->height) {
    for (int x = 0; x < width; x += region->width) {
      pixel::paste(image, *region, x, y);
    }
  }
  return image;
}

inline std::string write_jpeg(const io::ScratchDir& scratch, const pixel::Image& image) {
  return scratch.write("slice.jpg", ByteView(codec::encode_jpeg(image, {.quality = 85}).value()));
}

// Colour of `across` x `down` pixels is stored once.
inline void write_level(TIFF* tiff, const pixel::Image& image, int side, bool full_size, int across, int down) {
  TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, full_size ? 0 : FILETYPE_REDUCEDIMAGE);
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, image.width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, image.height);
  TIFFSetField(tiff, TIFFTAG_TILEWIDTH, side);
  TIFFSetField(tiff, TIFFTAG_TILELENGTH, side);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 3);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_JPEG);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_YCBCR);
  TIFFSetField(tiff, TIFFTAG_YCBCRSUBSAMPLING, across, down);
  TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, 85);
  TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  pixel::Image tile = pixel::Image::make(side, side, 3, pixel::Colour::rgb);
  for (int y = 0; y < image.height; y += side) {
    for (int x = 0; x < image.width; x += side) {
      pixel::paste(tile, image, -x, -y);
      TIFFWriteTile(tiff, tile.data.data(), static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), 0, 0);
    }
  }
  TIFFWriteDirectory(tiff);
}

// Halves until one tile holds all.
inline std::string write_pyramid(const io::ScratchDir& scratch, pixel::Image image, int side = 256, int across = 2,
                                 int down = 2) {
  const std::string path = scratch.path("slice.tif");
  TIFF* tiff = TIFFOpen(path.c_str(), "w");
  if (tiff == nullptr) {
    std::abort();
  }
  for (bool first = true;; first = false) {
    write_level(tiff, image, side, first, across, down);
    if (std::max(image.width, image.height) <= side) {
      break;
    }
    image = pixel::shrink2(image).value();
  }
  TIFFClose(tiff);
  return path;
}

}  // namespace microtome::engine::bench
