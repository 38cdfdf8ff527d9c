// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_stream.hpp"

#include "codec/jpeg.hpp"
#include "codec/jpeg_parameters.hpp"

namespace microtome::codec {
namespace {

class JpegStrips final : public StripWriter {
 public:
  JpegStrips(const JpegLayout& layout, ByteView icc) : layout_(layout), writer_(layout, icc) {}

  Result<void> add(const pixel::Image& strip) override {
    if (strip.width != layout_.width || strip.channels != layout_.channels || strip.sample != pixel::Sample::u8 ||
        strip.height > layout_.height - rows_) {
      return fail(Code::bad_request, "a strip that does not belong to this picture");
    }
    writer_.add(strip);
    rows_ += strip.height;
    return {};
  }

  Result<void> finish() override {
    if (finished_ || rows_ < layout_.height) {
      return fail(Code::bad_request, "rows are missing");
    }
    writer_.finish();
    finished_ = true;
    return {};
  }

  Bytes take() override { return writer_.take(); }

 private:
  JpegLayout layout_;
  JpegWriter writer_;
  int rows_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<StripWriter>> make_jpeg_strips(int width, int height, pixel::Colour colour,
                                                      const EncodeOptions& options) {
  const bool grey = colour == pixel::Colour::grey;
  if (!grey && colour != pixel::Colour::rgb) {
    return fail(Code::bad_request, "a picture that JPEG does not take");
  }
  JpegEncodeOptions jpeg;
  jpeg.quality = options.quality;
  jpeg.pixels_per_inch = options.pixels_per_inch;
  jpeg.icc = options.icc;
  if (auto good = jpeg::check_encodable(width, height, jpeg); !good) {
    return pass(good.error());
  }
  const auto layout = jpeg::layout(width, height, grey ? 1 : 3, factors_for(jpeg), jpeg);
  if (!layout) {
    return pass(layout.error());
  }
  return std::make_unique<JpegStrips>(*layout, jpeg.icc);
}

}  // namespace microtome::codec
