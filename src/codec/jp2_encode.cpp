// SPDX-License-Identifier: Apache-2.0
#include "codec/jp2_encode.hpp"

#include <openjpeg.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "pixel/convert.hpp"

namespace microtome::codec {
namespace {

using ImagePtr = std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)>;
using CodecPtr = std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)>;
using StreamPtr = std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)>;

// What OpenJPEG writes to: it goes back to fill in lengths.
struct Sink {
  Bytes bytes;
  std::size_t at = 0;
};

OPJ_SIZE_T write_sink(void* buffer, OPJ_SIZE_T size, void* user) {
  auto& sink = *static_cast<Sink*>(user);
  try {
    sink.bytes.resize(std::max(sink.bytes.size(), sink.at + size));
  } catch (const std::bad_alloc&) {
    return static_cast<OPJ_SIZE_T>(-1);
  }
  std::memcpy(sink.bytes.data() + sink.at, buffer, size);
  sink.at += size;
  return size;
}

OPJ_OFF_T skip_sink(OPJ_OFF_T size, void* user) {
  static_cast<Sink*>(user)->at += static_cast<std::size_t>(size);
  return size;
}

OPJ_BOOL seek_sink(OPJ_OFF_T to, void* user) {
  static_cast<Sink*>(user)->at = static_cast<std::size_t>(to);
  return OPJ_TRUE;
}

void keep_message(const char* text, void* user) {
  auto& kept = *static_cast<std::string*>(user);
  if (kept.empty()) {
    kept = text;
  }
}

// grey, grey_alpha, rgb or rgba.
pixel::Image brought(const pixel::Image& image) {
  const bool simple = image.colour == pixel::Colour::grey || image.colour == pixel::Colour::grey_alpha ||
                      image.colour == pixel::Colour::rgb || image.colour == pixel::Colour::rgba;
  const bool integer = image.sample == pixel::Sample::u8 || image.sample == pixel::Sample::u16;
  if (simple && integer) {
    return image;
  }
  pixel::Image made = image.sample == pixel::Sample::u8 ? image : pixel::to_u8(image);
  if (simple) {
    return made;
  }
  return image.colour == pixel::Colour::multi && image.channels < 3 ? pixel::to_grey(made) : pixel::to_rgb(made);
}

template <class Sample>
void fill_planes(const pixel::Image& image, opj_image_t& out) {
  for (int c = 0; c < image.channels; ++c) {
    OPJ_INT32* plane = out.comps[c].data;
    for (int y = 0; y < image.height; ++y) {
      const auto* row = reinterpret_cast<const Sample*>(image.row(y)) + c;
      for (int x = 0; x < image.width; ++x) {
        *plane++ = row[static_cast<std::ptrdiff_t>(x) * image.channels];
      }
    }
  }
}

ImagePtr planes(const pixel::Image& image, ByteView icc) {
  const bool grey = image.channels < 3;
  std::array<opj_image_cmptparm_t, 4> components{};
  for (opj_image_cmptparm_t& component : components) {
    component.dx = component.dy = 1;
    component.w = static_cast<OPJ_UINT32>(image.width);
    component.h = static_cast<OPJ_UINT32>(image.height);
    component.prec = image.sample == pixel::Sample::u16 ? 16 : 8;
  }
  ImagePtr out(opj_image_create(static_cast<OPJ_UINT32>(image.channels), components.data(),
                                grey ? OPJ_CLRSPC_GRAY : OPJ_CLRSPC_SRGB),
               opj_image_destroy);
  if (!out) {
    throw std::bad_alloc();
  }
  out->x1 = static_cast<OPJ_UINT32>(image.width);
  out->y1 = static_cast<OPJ_UINT32>(image.height);
  if (pixel::has_alpha(image.colour)) {
    out->comps[image.channels - 1].alpha = 1;
  }
  if (!icc.empty()) {
    out->icc_profile_buf = static_cast<OPJ_BYTE*>(std::malloc(icc.size()));  // OpenJPEG frees it
    if (out->icc_profile_buf == nullptr) {
      throw std::bad_alloc();
    }
    std::memcpy(out->icc_profile_buf, icc.data(), icc.size());
    out->icc_profile_len = static_cast<OPJ_UINT32>(icc.size());
  }
  if (image.sample == pixel::Sample::u16) {
    fill_planes<std::uint16_t>(image, *out);
  } else {
    fill_planes<std::uint8_t>(image, *out);
  }
  return out;
}

opj_cparameters_t parameters_for(const pixel::Image& image, const Jp2EncodeOptions& options) {
  // A JPEG of quality 75 is some 38 dB away from a photograph.
  constexpr float kLowest = 20;
  constexpr float kPerQuality = 0.24F;
  constexpr int kSmallest = 32;  // pixels of the smallest reduction
  constexpr int kMostLevels = 6;
  opj_cparameters_t parameters{};
  opj_set_default_encoder_parameters(&parameters);
  parameters.tcp_numlayers = 1;
  parameters.tcp_mct = image.channels >= 3 ? 1 : 0;
  parameters.prog_order = OPJ_RLCP;
  parameters.numresolution = 1;
  for (int side = std::min(image.width, image.height); side > kSmallest && parameters.numresolution < kMostLevels;
       side /= 2) {
    ++parameters.numresolution;
  }
  if (options.lossless) {
    parameters.cp_disto_alloc = 1;
  } else {
    parameters.irreversible = 1;
    parameters.cp_fixed_quality = 1;
    parameters.tcp_distoratio[0] = kLowest + kPerQuality * static_cast<float>(std::clamp(options.quality, 1, 100));
  }
  return parameters;
}

}  // namespace

Result<Bytes> encode_jp2(const pixel::Image& image, const Jp2EncodeOptions& options) {
  if (image.width < 1 || image.height < 1) {
    return fail(Code::bad_request, "an empty picture");
  }
  const pixel::Image shown = brought(image);
  const ImagePtr source = planes(shown, options.icc);
  opj_cparameters_t parameters = parameters_for(shown, options);
  const CodecPtr codec(opj_create_compress(OPJ_CODEC_JP2), opj_destroy_codec);
  const StreamPtr stream(opj_stream_create(1 << 16, OPJ_FALSE), opj_stream_destroy);
  if (!codec || !stream) {
    throw std::bad_alloc();
  }
  std::string said;
  opj_set_error_handler(codec.get(), keep_message, &said);
  Sink sink;
  opj_stream_set_user_data(stream.get(), &sink, nullptr);
  opj_stream_set_write_function(stream.get(), write_sink);
  opj_stream_set_skip_function(stream.get(), skip_sink);
  opj_stream_set_seek_function(stream.get(), seek_sink);
  if (opj_setup_encoder(codec.get(), &parameters, source.get()) == OPJ_FALSE ||
      opj_start_compress(codec.get(), source.get(), stream.get()) == OPJ_FALSE ||
      opj_encode(codec.get(), stream.get()) == OPJ_FALSE ||
      opj_end_compress(codec.get(), stream.get()) == OPJ_FALSE) {
    return fail(Code::internal, "the picture cannot be written as JPEG 2000", said);
  }
  return std::move(sink.bytes);
}

}  // namespace microtome::codec
