// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_stream.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_parameters.hpp"

namespace microtome::codec {
namespace {

using jpeg::run_guarded;

class JpegStrips final : public StripWriter {
 public:
  Result<void> begin(int width, int height, int channels, const EncodeOptions& options) {
    width_ = width;
    channels_ = channels;
    constexpr std::size_t kSetAside = 256 * 1024;
    if (auto open = encoder_.open(kSetAside); !open) {
      return open;
    }
    JpegEncodeOptions jpeg;
    jpeg.quality = options.quality;
    jpeg.pixels_per_inch = options.pixels_per_inch;
    const ByteView icc = options.icc;
    const bool done = run_guarded(encoder_.trap, [&] {
      jpeg::set_parameters(encoder_.handle, width, height, channels, jpeg);
      jpeg::start_stream(encoder_.handle, icc);
    });
    return done ? Result<void>() : failed();
  }

  Result<void> add(const pixel::Image& strip) override {
    const auto left = static_cast<int>(encoder_.handle.image_height - encoder_.handle.next_scanline);
    if (broken_ || strip.width != width_ || strip.channels != channels_ || strip.sample != pixel::Sample::u8 ||
        strip.height > left) {
      return fail(Code::bad_request, "a strip that does not belong to this picture");
    }
    const bool done = run_guarded(encoder_.trap, [&] {
      std::array<JSAMPROW, 16> rows{};
      for (int y = 0; y < strip.height;) {
        const int count = std::min<int>(static_cast<int>(rows.size()), strip.height - y);
        for (int i = 0; i < count; ++i) {
          rows[static_cast<std::size_t>(i)] = const_cast<std::uint8_t*>(strip.row(y + i));  // libjpeg only reads it
        }
        y += static_cast<int>(jpeg_write_scanlines(&encoder_.handle, rows.data(), static_cast<JDIMENSION>(count)));
      }
    });
    return done ? Result<void>() : failed();
  }

  Result<void> finish() override {
    if (broken_ || encoder_.handle.next_scanline < encoder_.handle.image_height) {
      return fail(Code::bad_request, "rows are missing");
    }
    const bool done = run_guarded(encoder_.trap, [&] { jpeg_finish_compress(&encoder_.handle); });
    finished_ = done;
    return done ? Result<void>() : failed();
  }

  Bytes take() override { return finished_ ? encoder_.take() : encoder_.take_so_far(); }

 private:
  std::unexpected<Error> failed() {
    broken_ = true;
    return std::unexpected(jpeg::writing_error(encoder_.trap));
  }

  jpeg::Compressor encoder_;
  int width_ = 0;
  int channels_ = 0;
  bool broken_ = false;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<StripWriter>> make_jpeg_strips(int width, int height, pixel::Colour colour,
                                                      const EncodeOptions& options) {
  const bool grey = colour == pixel::Colour::grey;
  if (width < 1 || height < 1 || (!grey && colour != pixel::Colour::rgb)) {
    return fail(Code::bad_request, "a picture that JPEG does not take");
  }
  if (width > JPEG_MAX_DIMENSION || height > JPEG_MAX_DIMENSION) {
    return fail(Code::bad_request, "picture too large for JPEG");
  }
  auto strips = std::make_unique<JpegStrips>();
  if (auto begun = strips->begin(width, height, grey ? 1 : 3, options); !begun) {
    return pass(begun.error());
  }
  return strips;
}

}  // namespace microtome::codec
