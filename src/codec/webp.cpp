// SPDX-License-Identifier: Apache-2.0
// Container: RIFF chunks as in the WebP Container Specification.
#include "codec/webp.hpp"

#include <webp/decode.h>
#include <webp/encode.h>

#include <algorithm>
#include <memory>
#include <new>
#include <string>

#include "pixel/convert.hpp"

namespace microtome::codec {
namespace {

void append_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void append_u24(Bytes& out, std::uint32_t value) {
  for (int shift = 0; shift < 24; shift += 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void append_chunk(Bytes& out, std::string_view kind, ByteView body) {
  out.insert(out.end(), kind.begin(), kind.end());
  append_u32(out, static_cast<std::uint32_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  if (body.size() % 2 != 0) {
    out.push_back(0);
  }
}

// The file that libwebp wrote, as an extended one with a colour profile: VP8X, ICCP, the rest as it was.
Bytes with_profile(ByteView file, ByteView icc, const pixel::Image& image) {
  constexpr std::uint8_t kHasProfile = 0x20;
  constexpr std::uint8_t kHasAlpha = 0x10;
  ByteView rest = file.subspan(12);
  std::uint8_t flags = image.channels == 4 ? kHasAlpha : 0;
  if (as_text(rest).starts_with("VP8X")) {
    flags |= rest[8];
    rest = rest.subspan(18);
  }
  Bytes extended = {static_cast<std::uint8_t>(flags | kHasProfile), 0, 0, 0};
  append_u24(extended, static_cast<std::uint32_t>(image.width - 1));
  append_u24(extended, static_cast<std::uint32_t>(image.height - 1));
  Bytes chunks = {'W', 'E', 'B', 'P'};
  append_chunk(chunks, "VP8X", extended);
  append_chunk(chunks, "ICCP", icc);
  chunks.insert(chunks.end(), rest.begin(), rest.end());
  Bytes out;
  append_chunk(out, "RIFF", chunks);
  return out;
}

// rgb or rgba of 8 bits.
const pixel::Image& plain_picture(const pixel::Image& image, pixel::Image& kept) {
  const pixel::Image* current = &image;
  if (current->sample != pixel::Sample::u8) {
    kept = pixel::to_u8(*current);
    current = &kept;
  }
  if (current->colour == pixel::Colour::grey_alpha) {
    kept = pixel::to_rgba(*current);
    current = &kept;
  } else if (current->colour != pixel::Colour::rgb && current->colour != pixel::Colour::rgba) {
    kept = pixel::to_rgb(*current);
    current = &kept;
  }
  return *current;
}

Result<void> configure(const WebpEncodeOptions& options, WebPConfig& config) {
  const auto quality = static_cast<float>(std::clamp(options.quality, 0, 100));
  bool good = WebPConfigInit(&config) != 0;
  config.quality = quality;
  config.method = std::clamp(options.method, 0, 6);
  config.lossless = options.lossless ? 1 : 0;
  if (options.lossless) {
    config.exact = 0;
  }
  good = good && WebPValidateConfig(&config) != 0;
  if (!good) {
    return fail(Code::internal, "WebP settings");
  }
  return {};
}

}  // namespace

Result<WebpInfo> inspect_webp(ByteView head) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(head.data(), head.size(), &features);
  if (status != VP8_STATUS_OK) {
    return fail(status == VP8_STATUS_UNSUPPORTED_FEATURE ? Code::unsupported : Code::corrupt,
                status == VP8_STATUS_NOT_ENOUGH_DATA ? "truncated WebP" : "broken WebP");
  }
  if (features.width < 1 || features.height < 1) {
    return fail(Code::corrupt, "broken WebP");
  }
  return WebpInfo{features.width, features.height, features.has_alpha != 0, features.has_animation != 0,
                  features.format == 2};
}

Result<pixel::Image> decode_webp(ByteView stream, std::uint64_t max_pixels) {
  const auto info = inspect_webp(stream);
  if (!info) {
    return pass(info.error());
  }
  if (info->animated) {
    return fail(Code::unsupported, "animated WebP");
  }
  if (static_cast<std::uint64_t>(info->width) * static_cast<std::uint64_t>(info->height) > max_pixels) {
    return fail(Code::too_large, "WebP with too many pixels");
  }
  pixel::Image image = pixel::Image::make(info->width, info->height, info->alpha ? 4 : 3,
                                          info->alpha ? pixel::Colour::rgba : pixel::Colour::rgb);
  const auto decode = info->alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(stream.data(), stream.size(), image.data.data(), image.data.size(), static_cast<int>(image.stride)) ==
      nullptr) {
    return fail(Code::corrupt, "broken WebP");
  }
  return image;
}

Result<Bytes> encode_webp(const pixel::Image& source, const WebpEncodeOptions& options) {
  if (source.width < 1 || source.height < 1 || source.channels < 1) {
    return fail(Code::bad_request, "empty picture");
  }
  if (source.width > WEBP_MAX_DIMENSION || source.height > WEBP_MAX_DIMENSION) {
    return fail(Code::bad_request, "picture too large for WebP");
  }
  WebPConfig config;
  if (auto good = configure(options, config); !good) {
    return pass(good.error());
  }
  pixel::Image kept;
  const pixel::Image& image = plain_picture(source, kept);
  WebPPicture picture;
  WebPMemoryWriter writer;
  if (WebPPictureInit(&picture) == 0) {
    return fail(Code::internal, "WebP version");
  }
  WebPMemoryWriterInit(&writer);
  const std::unique_ptr<WebPPicture, void (*)(WebPPicture*)> picture_owner(&picture, WebPPictureFree);
  const std::unique_ptr<WebPMemoryWriter, void (*)(WebPMemoryWriter*)> writer_owner(&writer, WebPMemoryWriterClear);
  picture.use_argb = options.lossless ? 1 : 0;
  picture.width = image.width;
  picture.height = image.height;
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  const auto import = image.channels == 4 ? WebPPictureImportRGBA : WebPPictureImportRGB;
  const bool done =
      import(&picture, image.data.data(), static_cast<int>(image.stride)) != 0 && WebPEncode(&config, &picture) != 0;
  if (!done) {
    if (picture.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
        picture.error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY) {
      throw std::bad_alloc();
    }
    return fail(Code::internal, "WebP encoding failed", "code " + std::to_string(picture.error_code));
  }
  const ByteView file(writer.mem, writer.size);
  return options.icc.empty() ? Bytes(file.begin(), file.end()) : with_profile(file, options.icc, image);
}

}  // namespace microtome::codec
