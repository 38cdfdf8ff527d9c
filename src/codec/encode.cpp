// SPDX-License-Identifier: Apache-2.0
#include "codec/encode.hpp"

#include <algorithm>
#include <cmath>

#include "codec/avif.hpp"
#include "codec/gif.hpp"
#include "codec/jp2_encode.hpp"
#include "codec/jpeg.hpp"
#include "codec/pdf.hpp"
#include "codec/png.hpp"
#include "codec/webp.hpp"

namespace microtome::codec {

bool can_encode(Format format) {
  return format != Format::raw;
}

EncodeOptions options_of(Format format, int quality) {
  EncodeOptions options;
  if (format == Format::png) {
    options.png_level = std::clamp(quality, 0, 9);
  } else if (quality < 0) {
    options.lossless = true;
  } else {
    options.quality = std::clamp(quality, 1, 100);
  }
  return options;
}

Result<Bytes> encode(const pixel::Image& image, Format format, const EncodeOptions& options) {
  switch (format) {
    case Format::jpeg: {
      JpegEncodeOptions jpeg;
      jpeg.quality = options.quality;
      jpeg.icc = options.icc;
      jpeg.background = options.background;
      jpeg.pixels_per_inch = options.pixels_per_inch;
      return encode_jpeg(image, jpeg);
    }
    case Format::png: {
      PngEncodeOptions png;
      png.level = options.png_level;
      png.icc = options.icc;
      if (options.pixels_per_inch > 0 && options.pixels_per_inch < 1e7) {
        png.pixels_per_metre = static_cast<std::uint32_t>(std::lround(options.pixels_per_inch / 0.0254));
      }
      return encode_png(image, png);
    }
    case Format::webp: {
      WebpEncodeOptions webp;
      webp.quality = options.quality;
      webp.lossless = options.lossless;
      webp.icc = options.icc;
      return encode_webp(image, webp);
    }
    case Format::avif:
      return encode_avif(image, {options.quality, options.lossless, options.speed, options.icc});
    case Format::tiff: {
      const TiffEncodeOptions tiff{options.compression, options.quality, options.icc, options.pixels_per_inch};
      const bool covered = options.compression == TiffCompression::jpeg && pixel::has_alpha(image.colour);
      return encode_tiff(covered ? pixel::compose(pixel::to_u8(image), options.background) : image, tiff);
    }
    case Format::gif:
      return encode_gif(image);
    case Format::jp2:
      return encode_jp2(image, {options.quality, options.lossless, options.icc});
    case Format::pdf: {
      EncodeOptions plain = options;
      plain.icc = {};  // of a JPEG in a PDF only the page's colour space counts
      const auto jpeg = encode(image, Format::jpeg, plain);
      return jpeg ? write_pdf(*jpeg, options.pixels_per_inch) : pass(jpeg.error());
    }
    case Format::raw:
      break;
  }
  return fail(Code::unsupported, "this server does not write " + std::string(media_type(format)));
}

}  // namespace microtome::codec
