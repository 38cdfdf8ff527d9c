// SPDX-License-Identifier: Apache-2.0
#include "codec/tiff_encode.hpp"

#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "pixel/convert.hpp"

namespace microtome::codec {
namespace {

constexpr std::uint64_t kMostBytes = 0xf0000000;  // offsets of classic TIFF have 32 bits
constexpr int kWebpSide = 16383;
constexpr std::size_t kStripBytes = 256 << 10;

constexpr std::array<std::pair<std::string_view, TiffCompression>, 6> kNames{{{"none", TiffCompression::none},
                                                                              {"lzw", TiffCompression::lzw},
                                                                              {"deflate", TiffCompression::deflate},
                                                                              {"jpeg", TiffCompression::jpeg},
                                                                              {"webp", TiffCompression::webp},
                                                                              {"zstd", TiffCompression::zstd}}};

// What libtiff sees as a file.
struct Memory {
  Bytes bytes;
  std::size_t position = 0;
  std::string message;  // the first error
};

Memory& memory_of(thandle_t handle) {
  return *static_cast<Memory*>(handle);
}

tmsize_t read_back(thandle_t handle, void* out, tmsize_t size) {
  Memory& memory = memory_of(handle);
  if (size <= 0 || memory.position >= memory.bytes.size()) {
    return 0;
  }
  const auto part = std::min<std::size_t>(static_cast<std::size_t>(size), memory.bytes.size() - memory.position);
  std::memcpy(out, memory.bytes.data() + memory.position, part);
  memory.position += part;
  return static_cast<tmsize_t>(part);
}

tmsize_t write_all(thandle_t handle, void* data, tmsize_t size) {
  Memory& memory = memory_of(handle);
  const std::size_t end = memory.position + static_cast<std::size_t>(size);
  if (end > memory.bytes.size()) {
    memory.bytes.resize(end);
  }
  std::memcpy(memory.bytes.data() + memory.position, data, static_cast<std::size_t>(size));
  memory.position = end;
  return size;
}

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  Memory& memory = memory_of(handle);
  const std::uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? memory.position : memory.bytes.size();
  memory.position = base + offset;
  return memory.position;
}

int close_nothing(thandle_t) {
  return 0;
}
toff_t size_of(thandle_t handle) {
  return memory_of(handle).bytes.size();
}

int keep_first(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto& memory = *static_cast<Memory*>(user);
  if (memory.message.empty()) {
    std::array<char, 200> text{};
    (void)std::vsnprintf(text.data(), text.size(), format, arguments);
    memory.message = text.data();
  }
  return 1;  // handled: nothing goes to stderr
}

using Tiff = std::unique_ptr<TIFF, void (*)(TIFF*)>;

Tiff open(Memory& memory) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  if (options) {
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_first, &memory);
    TIFFOpenOptionsSetWarningHandlerExtR(
        options.get(), [](TIFF*, void*, const char*, const char*, va_list) { return 1; }, nullptr);
  }
  // l: little-endian on any machine. m: no mmap.
  return {TIFFClientOpenExt("picture", "wlm", &memory, read_back, write_all, seek, close_nothing, size_of, nullptr,
                            nullptr, options.get()),
          TIFFClose};
}

std::uint16_t compression_tag(TiffCompression compression) {
  switch (compression) {
    case TiffCompression::none:
      return COMPRESSION_NONE;
    case TiffCompression::lzw:
      return COMPRESSION_LZW;
    case TiffCompression::deflate:
      return COMPRESSION_ADOBE_DEFLATE;
    case TiffCompression::jpeg:
      return COMPRESSION_JPEG;
    case TiffCompression::webp:
      return COMPRESSION_WEBP;
    case TiffCompression::zstd:
      return COMPRESSION_ZSTD;
  }
  return COMPRESSION_NONE;
}

// What the file will hold: one of the four plain colours, 8 or 16 bits.
pixel::Image brought(const pixel::Image& source, TiffCompression compression) {
  const bool lossy = compression == TiffCompression::jpeg || compression == TiffCompression::webp;
  pixel::Image image = source.sample == pixel::Sample::u8 || (source.sample == pixel::Sample::u16 && !lossy)
                           ? source
                           : pixel::to_u8(source);
  switch (image.colour) {
    case pixel::Colour::grey:
      return compression == TiffCompression::webp ? pixel::to_rgb(image) : image;
    case pixel::Colour::rgb:
      return image;
    case pixel::Colour::grey_alpha:
      if (compression == TiffCompression::jpeg) {
        return pixel::to_grey(image);
      }
      return compression == TiffCompression::webp ? pixel::to_rgba(image) : image;
    case pixel::Colour::rgba:
      return compression == TiffCompression::jpeg ? pixel::to_rgb(image) : image;
    case pixel::Colour::cmyk:
    case pixel::Colour::lab:
      return pixel::to_rgb(image);
    case pixel::Colour::multi:
      return image.channels >= 3 ? pixel::to_rgb(image) : pixel::to_grey(image);
  }
  return image;
}

void describe(TIFF* tiff, const pixel::Image& image, const TiffEncodeOptions& options, int rows) {
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(image.width));
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(image.height));
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8 * pixel::bytes_of(image.sample));
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, image.channels);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression_tag(options.compression));
  const bool colour = image.channels >= 3;
  // Also JPEG stays RGB, as iipsrv writes it: who asks for TIFF does not ask for colour at half the resolution.
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, colour ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
  if (pixel::has_alpha(image.colour)) {
    const std::uint16_t kind = EXTRASAMPLE_UNASSALPHA;
    TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &kind);
  }
  TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, static_cast<std::uint32_t>(rows));
  if (options.pixels_per_inch > 0 && options.pixels_per_inch < 1e7) {
    TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
    TIFFSetField(tiff, TIFFTAG_XRESOLUTION, options.pixels_per_inch);
    TIFFSetField(tiff, TIFFTAG_YRESOLUTION, options.pixels_per_inch);
  }
  if (!options.icc.empty()) {
    TIFFSetField(tiff, TIFFTAG_ICCPROFILE, static_cast<std::uint32_t>(options.icc.size()), options.icc.data());
  }
  const int quality = std::clamp(options.quality, 1, 100);
  switch (options.compression) {
    case TiffCompression::none:
      break;
    case TiffCompression::deflate:
      TIFFSetField(tiff, TIFFTAG_ZIPQUALITY, 1);
      TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
      break;
    case TiffCompression::zstd:
      TIFFSetField(tiff, TIFFTAG_ZSTD_LEVEL, 1);
      TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
      break;
    case TiffCompression::lzw:
      TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
      break;
    case TiffCompression::jpeg:
      TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, quality);
      break;
    case TiffCompression::webp:
      TIFFSetField(tiff, TIFFTAG_WEBP_LEVEL, quality);
      break;
  }
}

// Rows of a strip: about 256 KiB, for JPEG whole blocks; WebP streams are not cut at all.
int strip_rows(const pixel::Image& image, TiffCompression compression) {
  if (compression == TiffCompression::webp) {
    return image.height;
  }
  const auto rows = static_cast<int>(std::clamp<std::size_t>(kStripBytes / image.stride, 16, 4096));
  return std::min((rows + 15) / 16 * 16, (image.height + 15) / 16 * 16);
}

}  // namespace

std::optional<TiffCompression> tiff_compression_of(std::string_view name) {
  const auto* const row = std::ranges::find(kNames, name, &decltype(kNames)::value_type::first);
  return row != kNames.end() ? std::optional(row->second) : std::nullopt;
}

Result<Bytes> encode_tiff(const pixel::Image& source, const TiffEncodeOptions& options) {
  if (source.width < 1 || source.height < 1 || source.channels < 1) {
    return fail(Code::bad_request, "empty picture");
  }
  if (options.compression == TiffCompression::webp && (source.width > kWebpSide || source.height > kWebpSide)) {
    return fail(Code::bad_request, "picture too large for WebP");
  }
  pixel::Image image = brought(source, options.compression);
  if (std::uint64_t{image.stride} * static_cast<std::uint64_t>(image.height) > kMostBytes) {
    return fail(Code::too_large, "picture too large for TIFF");
  }
  Memory memory;
  memory.bytes.reserve(64 << 10);
  Tiff tiff = open(memory);
  if (!tiff) {
    return fail(Code::internal, "TIFF encoding failed", memory.message);
  }
  const int rows = strip_rows(image, options.compression);
  describe(tiff.get(), image, options, rows);
  bool good = memory.message.empty();
  for (int y = 0; good && y < image.height; y += rows) {
    const auto size = static_cast<tmsize_t>(image.stride) * std::min(rows, image.height - y);
    const auto strip = static_cast<std::uint32_t>(y / rows);
    // May turn the bytes round in their place (the predictor does): the picture is ours.
    good = TIFFWriteEncodedStrip(tiff.get(), strip, image.row(y), size) == size;
  }
  good = good && TIFFWriteDirectory(tiff.get()) == 1;
  tiff.reset();
  if (!good || !memory.message.empty()) {
    return fail(Code::internal, "TIFF encoding failed", memory.message);
  }
  return std::move(memory.bytes);
}

}  // namespace microtome::codec
