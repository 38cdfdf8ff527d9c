// SPDX-License-Identifier: Apache-2.0
// Container: HEIF (ISO/IEC 23008-12) and AVIF 1.1, as libavif reads and writes them.
#include "codec/avif.hpp"

#include <avif/avif.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "pixel/convert.hpp"

namespace microtome::codec {
namespace {

constexpr int kMostSide = 16384;
constexpr std::uint64_t kLibraryPixels = std::uint64_t{AVIF_DEFAULT_IMAGE_SIZE_LIMIT};  // libavif takes no more
constexpr int kFullChromaQuality = 90;

using Decoder = std::unique_ptr<avifDecoder, void (*)(avifDecoder*)>;

std::unexpected<Error> failed(avifResult result, const avifDiagnostics& diagnostics) {
  if (result == AVIF_RESULT_OUT_OF_MEMORY) {
    throw std::bad_alloc();
  }
  const bool unknown = result == AVIF_RESULT_NO_CODEC_AVAILABLE || result == AVIF_RESULT_NOT_IMPLEMENTED ||
                       result == AVIF_RESULT_UNSUPPORTED_DEPTH;
  return fail(unknown ? Code::unsupported : Code::corrupt,
              unknown                                ? "this kind of AVIF is not supported"
              : result == AVIF_RESULT_TRUNCATED_DATA ? "truncated AVIF"
                                                     : "broken AVIF",
              std::string(avifResultToString(result)) + ": " + &diagnostics.error[0]);
}

// The quarter turns and mirrors of irot and imir, as one of EXIF's eight. The turn, anticlockwise, comes first.
int orientation_of(const avifImage& image) {
  constexpr std::array<std::array<int, 3>, 4> kTurns{{{1, 4, 2}, {8, 5, 7}, {3, 2, 4}, {6, 7, 5}}};
  const unsigned turn = (image.transformFlags & AVIF_TRANSFORM_IROT) != 0 ? image.irot.angle & 3U : 0;
  const unsigned mirror = (image.transformFlags & AVIF_TRANSFORM_IMIR) != 0 ? 1 + (image.imir.mode & 1U) : 0;
  return kTurns[turn][mirror];
}

Result<Decoder> parsed(ByteView stream, std::uint64_t max_pixels) {
  Decoder decoder(avifDecoderCreate(), avifDecoderDestroy);
  if (!decoder) {
    throw std::bad_alloc();
  }
  decoder->maxThreads = 1;
  decoder->ignoreXMP = AVIF_TRUE;
  decoder->ignoreExif = AVIF_TRUE;
  // Pictures over our limit are told apart from broken ones below; libavif refuses only what is over both.
  decoder->imageSizeLimit = static_cast<std::uint32_t>(kLibraryPixels);
  decoder->imageCountLimit = 1024;
  avifResult result = avifDecoderSetIOMemory(decoder.get(), stream.data(), stream.size());
  if (result == AVIF_RESULT_OK) {
    result = avifDecoderParse(decoder.get());
  }
  if (result != AVIF_RESULT_OK) {
    return failed(result, decoder->diag);
  }
  const avifImage& image = *decoder->image;
  if (image.width < 1 || image.height < 1) {
    return fail(Code::corrupt, "broken AVIF");
  }
  if (std::uint64_t{image.width} * image.height > max_pixels) {
    return fail(Code::too_large, "AVIF with too many pixels");
  }
  return decoder;
}

bool is_grey(const avifImage& image) {
  return image.yuvFormat == AVIF_PIXEL_FORMAT_YUV400;
}

pixel::Image target_for(const avifImage& image, bool alpha) {
  const bool grey = is_grey(image) && !alpha;
  return pixel::Image::make(static_cast<int>(image.width), static_cast<int>(image.height),
                            grey    ? 1
                            : alpha ? 4
                                    : 3,
                            grey    ? pixel::Colour::grey
                            : alpha ? pixel::Colour::rgba
                                    : pixel::Colour::rgb,
                            image.depth > 8 ? pixel::Sample::u16 : pixel::Sample::u8);
}

Result<void> convert(const avifImage& source, pixel::Image& out, int channels) {
  avifRGBImage rgb{};
  avifRGBImageSetDefaults(&rgb, &source);
  rgb.depth = source.depth;
  rgb.format = channels == 4 ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
  rgb.pixels = out.data.data();
  rgb.rowBytes = static_cast<std::uint32_t>(out.stride);
  const avifResult result = avifImageYUVToRGB(&source, &rgb);
  if (result != AVIF_RESULT_OK) {
    return fail(Code::corrupt, "broken AVIF", avifResultToString(result));
  }
  return {};
}

// grey, rgb or rgba of 8 bits.
pixel::Image brought(const pixel::Image& source) {
  pixel::Image image = source.sample == pixel::Sample::u8 ? source : pixel::to_u8(source);
  if (image.colour == pixel::Colour::grey_alpha) {
    return pixel::to_rgba(image);
  }
  if (image.colour == pixel::Colour::grey || image.colour == pixel::Colour::rgb ||
      image.colour == pixel::Colour::rgba) {
    return image;
  }
  return image.colour == pixel::Colour::multi && image.channels < 3 ? pixel::to_grey(image) : pixel::to_rgb(image);
}

using AvifImage = std::unique_ptr<avifImage, void (*)(avifImage*)>;

Result<AvifImage> to_yuv(pixel::Image& image, const AvifEncodeOptions& options) {
  const bool full = options.lossless || options.quality >= kFullChromaQuality;
  const avifPixelFormat format = image.channels == 1 ? AVIF_PIXEL_FORMAT_YUV400
                                 : full              ? AVIF_PIXEL_FORMAT_YUV444
                                                     : AVIF_PIXEL_FORMAT_YUV420;
  AvifImage out(
      avifImageCreate(static_cast<std::uint32_t>(image.width), static_cast<std::uint32_t>(image.height), 8, format),
      avifImageDestroy);
  if (!out) {
    throw std::bad_alloc();
  }
  out->yuvRange = AVIF_RANGE_FULL;
  if (options.icc.empty()) {
    out->colorPrimaries = AVIF_COLOR_PRIMARIES_BT709;
    out->transferCharacteristics = AVIF_TRANSFER_CHARACTERISTICS_SRGB;
  } else {
    avifImageSetProfileICC(out.get(), options.icc.data(), options.icc.size());
  }
  out->matrixCoefficients =
      options.lossless && image.channels > 1 ? AVIF_MATRIX_COEFFICIENTS_IDENTITY : AVIF_MATRIX_COEFFICIENTS_BT601;
  if (image.channels == 1) {
    if (avifImageAllocatePlanes(out.get(), AVIF_PLANES_YUV) != AVIF_RESULT_OK) {
      throw std::bad_alloc();
    }
    for (int y = 0; y < image.height; ++y) {
      std::copy_n(image.row(y), image.width,
                  out->yuvPlanes[0] + std::size_t{out->yuvRowBytes[0]} * static_cast<std::size_t>(y));
    }
    return out;
  }
  avifRGBImage rgb{};
  avifRGBImageSetDefaults(&rgb, out.get());
  rgb.depth = 8;
  rgb.format = image.channels == 4 ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
  rgb.pixels = image.data.data();
  rgb.rowBytes = static_cast<std::uint32_t>(image.stride);
  const avifResult result = avifImageRGBToYUV(out.get(), &rgb);
  if (result != AVIF_RESULT_OK) {
    return fail(Code::internal, "AVIF encoding failed", avifResultToString(result));
  }
  return out;
}

}  // namespace

Result<AvifInfo> inspect_avif(ByteView stream) {
  auto decoder = parsed(stream, kLibraryPixels);
  if (!decoder) {
    return pass(decoder.error());
  }
  const avifImage& image = *(*decoder)->image;
  AvifInfo info;
  info.width = static_cast<int>(image.width);
  info.height = static_cast<int>(image.height);
  info.bits = static_cast<int>(image.depth);
  info.alpha = (*decoder)->alphaPresent != 0;
  info.grey = is_grey(image);
  info.orientation = orientation_of(image);
  if (image.icc.size > 0) {
    info.icc.assign(image.icc.data, image.icc.data + image.icc.size);
  }
  return info;
}

Result<pixel::Image> decode_avif(ByteView stream, std::uint64_t max_pixels) {
  auto decoder = parsed(stream, max_pixels);
  if (!decoder) {
    return pass(decoder.error());
  }
  const avifResult result = avifDecoderNextImage(decoder->get());
  if (result != AVIF_RESULT_OK) {
    return failed(result, (*decoder)->diag);
  }
  const avifImage& image = *(*decoder)->image;
  if (std::uint64_t{image.width} * image.height > max_pixels) {  // the stream may say other than the boxes
    return fail(Code::too_large, "AVIF with too many pixels");
  }
  const bool alpha = image.alphaPlane != nullptr;
  pixel::Image out = target_for(image, alpha);
  if (out.channels > 1) {
    auto done = convert(image, out, out.channels);
    return done ? Result<pixel::Image>(std::move(out)) : pass(done.error());
  }
  pixel::Image colour = pixel::Image::make(static_cast<int>(image.width), static_cast<int>(image.height), 3,
                                           pixel::Colour::rgb, out.sample);
  if (auto done = convert(image, colour, 3); !done) {  // limited range becomes full on the way
    return pass(done.error());
  }
  return pixel::take_channel(colour, 0);
}

Result<Bytes> encode_avif(const pixel::Image& source, const AvifEncodeOptions& options) {
  if (source.width < 1 || source.height < 1 || source.channels < 1) {
    return fail(Code::bad_request, "empty picture");
  }
  if (source.width > kMostSide || source.height > kMostSide) {
    return fail(Code::bad_request, "picture too large for AVIF");
  }
  pixel::Image image = brought(source);
  const auto yuv = to_yuv(image, options);
  if (!yuv) {
    return pass(yuv.error());
  }
  const std::unique_ptr<avifEncoder, void (*)(avifEncoder*)> encoder(avifEncoderCreate(), avifEncoderDestroy);
  if (!encoder) {
    throw std::bad_alloc();
  }
  const int quantizer = options.lossless
                            ? AVIF_QUANTIZER_LOSSLESS
                            : ((100 - std::clamp(options.quality, 0, 100)) * AVIF_QUANTIZER_WORST_QUALITY + 50) / 100;
  encoder->maxThreads = 1;
  encoder->speed = std::clamp(options.speed, AVIF_SPEED_SLOWEST, AVIF_SPEED_FASTEST);
  encoder->minQuantizer = quantizer;
  encoder->maxQuantizer = quantizer;
  encoder->minQuantizerAlpha = AVIF_QUANTIZER_LOSSLESS;
  encoder->maxQuantizerAlpha = AVIF_QUANTIZER_LOSSLESS;
  avifRWData file = AVIF_DATA_EMPTY;
  const avifResult result = avifEncoderWrite(encoder.get(), yuv->get(), &file);
  const std::unique_ptr<avifRWData, void (*)(avifRWData*)> owner(&file, avifRWDataFree);
  if (result == AVIF_RESULT_OUT_OF_MEMORY) {
    throw std::bad_alloc();
  }
  if (result != AVIF_RESULT_OK) {
    return fail(Code::internal, "AVIF encoding failed",
                std::string(avifResultToString(result)) + ": " + &encoder->diag.error[0]);
  }
  return Bytes(file.data, file.data + file.size);
}

}  // namespace microtome::codec
