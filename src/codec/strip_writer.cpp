// SPDX-License-Identifier: Apache-2.0
#include "codec/strip_writer.hpp"

#include <cmath>

#include "codec/jpeg_stream.hpp"
#include "codec/png.hpp"
#include "codec/tiff_stream.hpp"

namespace microtome::codec {
namespace {

class PngStrips final : public StripWriter {
 public:
  explicit PngStrips(PngStream stream) : stream_(std::move(stream)) {}
  Result<void> add(const pixel::Image& strip) override { return stream_.add(strip); }
  Result<void> finish() override { return stream_.finish(); }
  Bytes take() override { return stream_.take(); }

 private:
  PngStream stream_;
};

}  // namespace

bool can_stream(Format format) {
  return format == Format::jpeg || format == Format::png || format == Format::tiff;
}

std::optional<std::uint64_t> stream_length(Format format, int width, int height, pixel::Colour colour,
                                           const EncodeOptions& options) {
  return format == Format::tiff ? std::optional(tiff_stream_length(width, height, colour, options)) : std::nullopt;
}

Result<std::unique_ptr<StripWriter>> make_strip_writer(Format format, int width, int height, pixel::Colour colour,
                                                       const EncodeOptions& options) {
  switch (format) {
    case Format::jpeg:
      return make_jpeg_strips(width, height, colour, options);
    case Format::tiff:
      return make_tiff_strips(width, height, colour, options);
    case Format::png: {
      PngEncodeOptions png;
      png.icc = options.icc;
      if (options.pixels_per_inch > 0 && options.pixels_per_inch < 1e7) {
        png.pixels_per_metre = static_cast<std::uint32_t>(std::lround(options.pixels_per_inch / 0.0254));
      }
      auto stream = PngStream::begin(width, height, colour, pixel::Sample::u8, png);
      if (!stream) {
        return pass(stream.error());
      }
      return std::make_unique<PngStrips>(std::move(*stream));
    }
    default:
      return fail(Code::unsupported, "this format cannot be written strip by strip");
  }
}

}  // namespace microtome::codec
