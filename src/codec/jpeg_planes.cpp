// SPDX-License-Identifier: Apache-2.0
#include "codec/jpeg_planes.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "codec/jpeg_baseline.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_parameters.hpp"

namespace microtome::codec {
namespace {

using jpeg::run_guarded;

constexpr int kMaxRows = 2 * DCTSIZE;  // of one component in a row of MCUs

// One row of MCUs of all components, as libjpeg puts them out: whole blocks, padding included.
class Rows {
 public:
  explicit Rows(const jpeg_component_info* components) {
    for (int c = 0; c < 3; ++c) {
      width_[c] = components[c].width_in_blocks * DCTSIZE;
      rows_[c] = components[c].v_samp_factor * DCTSIZE;
      bytes_[c].resize(static_cast<std::size_t>(width_[c]) * rows_[c]);
      for (int i = 0; i < rows_[c]; ++i) {
        pointers_[c][i] = row(c, i);
      }
      arrays_[c] = pointers_[c].data();
    }
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  [[nodiscard]] JSAMPIMAGE image() { return arrays_.data(); }
  [[nodiscard]] std::uint8_t* row(int component, int i) {
    return bytes_[component].data() + static_cast<std::size_t>(width_[component]) * i;
  }
  [[nodiscard]] std::size_t width(int component) const { return width_[component]; }
  [[nodiscard]] int rows(int component) const { return rows_[component]; }

 private:
  std::array<Bytes, 3> bytes_;
  std::array<std::size_t, 3> width_{};
  std::array<int, 3> rows_{};
  std::array<std::array<JSAMPROW, kMaxRows>, 3> pointers_{};
  std::array<JSAMPARRAY, 3> arrays_{};
};

// `rows` of one component, the first of them at (x, y) of the plane, as far as they lie in the tile and the plane.
void put(const pixel::Rect& tile, int first, Rows& rows, int component, pixel::Image& plane) {
  const std::int64_t left = std::max<std::int64_t>(0, -tile.x);
  const std::int64_t right = std::min(tile.width, plane.width - tile.x);
  if (right <= left) {
    return;
  }
  for (int i = 0; i < rows.rows(component) && first + i < tile.height; ++i) {
    const std::int64_t y = tile.y + first + i;
    if (y >= 0 && y < plane.height) {
      std::memcpy(plane.row(static_cast<int>(y)) + tile.x + left, rows.row(component, i) + left,
                  static_cast<std::size_t>(right - left));
    }
  }
}

}  // namespace

std::optional<PlaneFactors> plane_factors(const JpegInfo& info) {
  const bool usual = info.components == 3 && info.precision == 8 && !info.lossless && !info.arithmetic &&
                     info.horizontal[1] == 1 && info.horizontal[2] == 1 && info.vertical[1] == 1 &&
                     info.vertical[2] == 1 && info.horizontal[0] <= 2 && info.vertical[0] <= 2;
  return usual ? std::optional(PlaneFactors{info.horizontal[0], info.vertical[0]}) : std::nullopt;
}

PlaneFactors factors_for(const JpegEncodeOptions& options) {
  const bool full = options.subsampling == Subsampling::s444 ||
                    (options.subsampling == Subsampling::automatic && std::clamp(options.quality, 1, 100) >= 90);
  return full ? PlaneFactors{1, 1} : PlaneFactors{2, 2};
}

Result<bool> decode_jpeg_planes(ByteView stream, const JpegDecodeOptions& options, int width, int height,
                                pixel::Planes& target, std::int64_t x, std::int64_t y) {
  if (static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) <= options.max_pixels &&
      decode_baseline_planes(stream, options.tables, width, height, target, x, y)) {
    return true;
  }
  auto pieces = jpeg::assemble(stream, options.tables);
  if (!pieces) {
    return pass(pieces.error());
  }
  jpeg::Decompressor decoder;
  auto& handle = decoder.handle;
  if (auto open = decoder.open(std::move(*pieces), options.tolerant); !open) {
    return pass(open.error());
  }
  const auto* component = handle.comp_info;
  const bool fits = handle.num_components == 3 && static_cast<int>(handle.image_width) == width &&
                    static_cast<int>(handle.image_height) == height && component[0].h_samp_factor == target.across &&
                    component[0].v_samp_factor == target.down && component[1].h_samp_factor == 1 &&
                    component[1].v_samp_factor == 1 && component[2].h_samp_factor == 1 &&
                    component[2].v_samp_factor == 1 &&
                    static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) <= options.max_pixels;
  if (!fits) {
    return false;
  }
  handle.jpeg_color_space = JCS_YCbCr;
  handle.out_color_space = JCS_YCbCr;
  handle.raw_data_out = TRUE;
  if (!run_guarded(decoder.trap, [&] { jpeg_start_decompress(&handle); })) {
    return std::unexpected(decoder.trap.error());
  }
  Rows rows(handle.comp_info);
  std::array<pixel::Rect, 3> tile;
  tile[0] = {x, y, width, height};
  tile[1] = {x / target.across, y / target.down, (width + target.across - 1) / target.across,
             (height + target.down - 1) / target.down};
  tile[2] = tile[1];
  const int step = target.down * DCTSIZE;
  const bool done = run_guarded(decoder.trap, [&] {
    for (int top = 0; top < height && y + top < target.height(); top += step) {
      jpeg_read_raw_data(&handle, rows.image(), static_cast<JDIMENSION>(step));
      for (int c = 0; c < 3; ++c) {
        put(tile[c], c == 0 ? top : top / target.down, rows, c, target.plane[c]);
      }
    }
  });
  return done ? Result<bool>(true) : std::unexpected(decoder.trap.error());
}

Result<Bytes> encode_jpeg_planes(const pixel::Planes& planes, const JpegEncodeOptions& options) {
  if (auto good = jpeg::check_encodable(planes.width(), planes.height(), options); !good) {
    return pass(good.error());
  }
  const auto layout = jpeg::layout(planes.width(), planes.height(), 3, {planes.across, planes.down}, options);
  if (!layout) {
    return pass(layout.error());
  }
  JpegWriter writer(*layout, options.icc);
  for (int top = 0; top < planes.height(); top += 8 * planes.down) {
    writer.add(planes, top);
  }
  writer.finish();
  return writer.take();
}

}  // namespace microtome::codec
