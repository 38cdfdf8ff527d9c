// SPDX-License-Identifier: Apache-2.0
// For tests: JPEG 2000 written by OpenJPEG in memory, and boxes put into JP2 files.
#pragma once

#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "codec/jpeg2000.hpp"
#include "codec/picture_for_test.hpp"

namespace microtome::codec::test {

inline ByteSource source_of(const Bytes& bytes) {
  return {bytes.size(), [&bytes](std::uint64_t offset, std::span<std::uint8_t> out) {
            if (offset > bytes.size() || out.size() > bytes.size() - offset) {
              return false;
            }
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
            return true;
          }};
}

struct Jpeg2000Options {
  int tile = 0;  // 0: none
  int resolutions = 4;
  int precinct = 0;  // log2; 0: none
  bool jp2 = true;
  bool lossless = true;
  int bits = 8;
  int layers = 1;
  int chroma_step = 1;  // of components 1 and 2
  int step = 1;         // of all, on the reference grid
  int left = 0;         // of the picture on the reference grid
  int top = 0;
  bool is_signed = false;
  OPJ_COLOR_SPACE space = OPJ_CLRSPC_UNSPECIFIED;
};

// Sample (x, y) of channel c of `image`, whose bits are those of the options.
inline Bytes encode_jpeg2000(const pixel::Image& image, const Jpeg2000Options& options = {}) {
  std::vector<opj_image_cmptparm_t> parts(static_cast<std::size_t>(image.channels));
  for (int c = 0; c < image.channels; ++c) {
    auto& part = parts[static_cast<std::size_t>(c)];
    part = {};
    const auto step = static_cast<OPJ_UINT32>(c == 1 || c == 2 ? options.chroma_step : 1);
    part.dx = part.dy = step * static_cast<OPJ_UINT32>(options.step);
    part.w = (static_cast<OPJ_UINT32>(image.width) + step - 1) / step;
    part.h = (static_cast<OPJ_UINT32>(image.height) + step - 1) / step;
    part.prec = static_cast<OPJ_UINT32>(options.bits);
    part.sgnd = options.is_signed ? 1 : 0;
  }
  const bool colour = image.channels >= 3;
  const OPJ_COLOR_SPACE space = options.space != OPJ_CLRSPC_UNSPECIFIED ? options.space
                                : colour                                ? OPJ_CLRSPC_SRGB
                                                                        : OPJ_CLRSPC_GRAY;
  const std::unique_ptr<opj_image_t, void (*)(opj_image_t*)> raw(
      opj_image_create(static_cast<OPJ_UINT32>(image.channels), parts.data(), space), opj_image_destroy);
  raw->x0 = static_cast<OPJ_UINT32>(options.left);
  raw->y0 = static_cast<OPJ_UINT32>(options.top);
  raw->x1 = raw->x0 + static_cast<OPJ_UINT32>(image.width * options.step);
  raw->y1 = raw->y0 + static_cast<OPJ_UINT32>(image.height * options.step);
  const int offset = options.is_signed ? 1 << (options.bits - 1) : 0;
  for (int c = 0; c < image.channels; ++c) {
    opj_image_comp_t& part = raw->comps[c];
    if ((c == 3 && image.channels == 4) || (c == 1 && image.channels == 2)) {
      part.alpha = 1;
    }
    for (OPJ_UINT32 y = 0; y < part.h; ++y) {
      for (OPJ_UINT32 x = 0; x < part.w; ++x) {
        const OPJ_UINT32 step = part.dx / static_cast<OPJ_UINT32>(options.step);
        const std::uint8_t* row = image.row(static_cast<int>(y * step));
        const std::size_t at =
            std::size_t{x} * step * static_cast<std::size_t>(image.channels) + static_cast<std::size_t>(c);
        const int value =
            image.sample == pixel::Sample::u8 ? row[at] : reinterpret_cast<const std::uint16_t*>(row)[at];
        part.data[std::size_t{y} * part.w + x] = value - offset;
      }
    }
  }
  opj_cparameters_t parameters;
  opj_set_default_encoder_parameters(&parameters);
  parameters.numresolution = options.resolutions;
  parameters.irreversible = options.lossless ? 0 : 1;
  parameters.tcp_numlayers = options.layers;
  for (int layer = 0; layer < options.layers; ++layer) {  // each with four times what the one before has
    const int coarser = options.layers - 1 - layer;
    parameters.tcp_rates[layer] = static_cast<float>((options.lossless && coarser == 0 ? 0 : 10) << (2 * coarser));
    if (options.lossless && coarser > 0) {
      parameters.tcp_rates[layer] = static_cast<float>(10 << (2 * coarser));
    }
  }
  parameters.cp_disto_alloc = 1;
  parameters.tcp_mct =
      static_cast<char>(colour && options.chroma_step == 1 && options.space != OPJ_CLRSPC_SYCC ? 1 : 0);
  parameters.image_offset_x0 = options.left;
  parameters.image_offset_y0 = options.top;
  if (options.tile > 0) {
    parameters.tile_size_on = OPJ_TRUE;
    parameters.cp_tdx = parameters.cp_tdy = options.tile;
  }
  if (options.precinct > 0) {
    parameters.csty |= 1;
    parameters.res_spec = 1;
    parameters.prcw_init[0] = parameters.prch_init[0] = 1 << options.precinct;
  }
  const std::unique_ptr<opj_codec_t, void (*)(opj_codec_t*)> codec(
      opj_create_compress(options.jp2 ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K), opj_destroy_codec);
  struct Out {
    Bytes bytes;
    std::size_t at = 0;
  } out;
  const std::unique_ptr<opj_stream_t, void (*)(opj_stream_t*)> stream(opj_stream_create(1 << 16, OPJ_FALSE),
                                                                      opj_stream_destroy);
  opj_stream_set_user_data(stream.get(), &out, nullptr);
  opj_stream_set_write_function(stream.get(), [](void* data, OPJ_SIZE_T size, void* user) -> OPJ_SIZE_T {
    auto& to = *static_cast<Out*>(user);
    to.bytes.resize(std::max(to.bytes.size(), to.at + size));
    std::memcpy(to.bytes.data() + to.at, data, size);
    to.at += size;
    return size;
  });
  opj_stream_set_skip_function(stream.get(), [](OPJ_OFF_T count, void* user) -> OPJ_OFF_T {
    auto& to = *static_cast<Out*>(user);
    to.at += static_cast<std::size_t>(count);
    to.bytes.resize(std::max(to.bytes.size(), to.at));
    return count;
  });
  opj_stream_set_seek_function(stream.get(), [](OPJ_OFF_T to, void* user) -> OPJ_BOOL {
    static_cast<Out*>(user)->at = static_cast<std::size_t>(to);
    return OPJ_TRUE;
  });
  const bool done = opj_setup_encoder(codec.get(), &parameters, raw.get()) != 0 &&
                    opj_start_compress(codec.get(), raw.get(), stream.get()) != 0 &&
                    opj_encode(codec.get(), stream.get()) != 0 && opj_end_compress(codec.get(), stream.get()) != 0;
  return done ? out.bytes : Bytes();
}

// A box more at the end of jp2h.
inline void add_header_box(Bytes& jp2, std::string_view type, const Bytes& body) {
  const std::size_t at = as_text(jp2).find("jp2h") - 4;
  const auto big = [](std::size_t value) {
    return Bytes{static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
                 static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
  };
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    length = length << 8 | jp2[at + i];
  }
  Bytes box = big(body.size() + 8);
  box.insert(box.end(), type.begin(), type.end());
  box.insert(box.end(), body.begin(), body.end());
  jp2.insert(jp2.begin() + static_cast<std::ptrdiff_t>(at + length), box.begin(), box.end());
  const Bytes now = big(length + box.size());
  std::copy(now.begin(), now.end(), jp2.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace microtome::codec::test
