// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "codec/jpeg_handle.hpp"
#include "codec/row_decoder.hpp"

namespace microtome::codec {
namespace {

constexpr std::size_t kPiece = 64 << 10;  // bytes pulled at a time

struct PullSource {
  jpeg_source_mgr manager{};  // first: libjpeg hands back its address
  Pull pull;
  std::array<std::uint8_t, kPiece> piece{};
};

extern "C" {
void pull_nothing(j_decompress_ptr) {}

boolean pull_fill(j_decompress_ptr handle) {
  auto* source = reinterpret_cast<PullSource*>(handle->src);
  std::size_t got = source->pull(source->piece);
  if (got == 0) {  // a file that was cut off: an EOI, which the decoder takes for damage where rows are missing
    source->piece[0] = 0xFF;
    source->piece[1] = 0xD9;
    got = 2;
  }
  source->manager.next_input_byte = source->piece.data();
  source->manager.bytes_in_buffer = got;
  return TRUE;
}

void pull_skip(j_decompress_ptr handle, long count) {
  auto* source = reinterpret_cast<PullSource*>(handle->src);
  while (count > 0 && std::cmp_greater(count, source->manager.bytes_in_buffer)) {
    const bool ended = source->manager.bytes_in_buffer == 2 && source->piece[0] == 0xFF && source->piece[1] == 0xD9;
    if (ended) {
      return;
    }
    count -= static_cast<long>(source->manager.bytes_in_buffer);
    pull_fill(handle);
  }
  if (count > 0) {
    source->manager.next_input_byte += count;
    source->manager.bytes_in_buffer -= static_cast<std::size_t>(count);
  }
}
}  // extern "C"

class JpegRows final : public RowDecoder {
 public:
  explicit JpegRows(Pull pull) {
    source_.manager.init_source = pull_nothing;
    source_.manager.fill_input_buffer = pull_fill;
    source_.manager.skip_input_data = pull_skip;
    source_.manager.resync_to_restart = jpeg_resync_to_restart;
    source_.manager.term_source = pull_nothing;
    source_.pull = std::move(pull);
  }
  ~JpegRows() override { jpeg_destroy_decompress(&handle_); }
  JpegRows(const JpegRows&) = delete;
  JpegRows& operator=(const JpegRows&) = delete;

  Result<void> open() {
    handle_.err = &trap_.manager;
    const bool read = jpeg::run_guarded(trap_, [&] {
      jpeg_create_decompress(&handle_);
      handle_.src = &source_.manager;
      jpeg_read_header(&handle_, TRUE);
    });
    if (!read) {
      return std::unexpected(trap_.error());
    }
    if ((handle_.num_components != 1 && handle_.num_components != 3) || jpeg_has_multiple_scans(&handle_) != FALSE) {
      return fail(Code::unsupported, "this JPEG cannot be decoded in rows");
    }
    handle_.out_color_space = handle_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (!jpeg::run_guarded(trap_, [&] { jpeg_start_decompress(&handle_); })) {
      return std::unexpected(trap_.error());
    }
    return {};
  }

  [[nodiscard]] int width() const override { return static_cast<int>(handle_.output_width); }
  [[nodiscard]] int height() const override { return static_cast<int>(handle_.output_height); }

  Result<pixel::Image> next(int rows) override {
    const int count = std::min(rows, height() - static_cast<int>(handle_.output_scanline));
    if (count <= 0) {
      return pixel::Image{};
    }
    const int channels = handle_.out_color_components;
    pixel::Image band =
        pixel::Image::unfilled(width(), count, channels, channels == 1 ? pixel::Colour::grey : pixel::Colour::rgb);
    int done = 0;
    std::array<JSAMPROW, 16> lines{};
    const bool good = jpeg::run_guarded(trap_, [&] {
      while (done < count) {
        const int some = std::min<int>(static_cast<int>(lines.size()), count - done);
        for (int i = 0; i < some; ++i) {
          lines[static_cast<std::size_t>(i)] = band.row(done + i);
        }
        done += static_cast<int>(jpeg_read_scanlines(&handle_, lines.data(), static_cast<JDIMENSION>(some)));
      }
    });
    return good ? Result<pixel::Image>(std::move(band)) : std::unexpected(trap_.error());
  }

 private:
  jpeg::ErrorTrap trap_;
  PullSource source_;
  jpeg_decompress_struct handle_{};
};

}  // namespace

Result<RowDecoderPtr> decode_jpeg_rows(Pull pull) {
  auto rows = std::make_unique<JpegRows>(std::move(pull));
  if (auto open = rows->open(); !open) {
    return pass(open.error());
  }
  return rows;
}

}  // namespace microtome::codec
