// SPDX-License-Identifier: Apache-2.0
#include <openjpeg.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/jpeg2000.hpp"

namespace microtome::codec {
namespace {

// OpenJPEG throws its buffer away at every skip: small for codestreams whose tiles are skipped over.
constexpr std::size_t kBufferOfMany = 16 << 10;
constexpr std::size_t kBufferOfOne = 256 << 10;

struct Reading {
  const ByteSource* source = nullptr;
  std::uint64_t at = 0;
  std::string message;  // the first error
};

OPJ_SIZE_T read_some(void* out, OPJ_SIZE_T size, void* user) {
  auto& reading = *static_cast<Reading*>(user);
  const auto end = static_cast<OPJ_SIZE_T>(-1);
  if (reading.at >= reading.source->size) {
    return end;
  }
  const auto part = std::min<std::uint64_t>(size, reading.source->size - reading.at);
  if (!reading.source->read(reading.at, {static_cast<std::uint8_t*>(out), part})) {
    return end;
  }
  reading.at += part;
  return part;
}

OPJ_OFF_T skip(OPJ_OFF_T count, void* user) {
  auto& reading = *static_cast<Reading*>(user);
  if (count < 0 ||
      static_cast<std::uint64_t>(count) > reading.source->size - std::min(reading.at, reading.source->size)) {
    return -1;
  }
  reading.at += static_cast<std::uint64_t>(count);
  return count;
}

OPJ_BOOL seek(OPJ_OFF_T to, void* user) {
  auto& reading = *static_cast<Reading*>(user);
  if (to < 0 || static_cast<std::uint64_t>(to) > reading.source->size) {
    return OPJ_FALSE;
  }
  reading.at = static_cast<std::uint64_t>(to);
  return OPJ_TRUE;
}

void keep_first(const char* text, void* user) {
  auto& reading = *static_cast<Reading*>(user);
  if (reading.message.empty() && text != nullptr) {
    reading.message = text;
    while (!reading.message.empty() && reading.message.back() == '\n') {
      reading.message.pop_back();
    }
  }
}
void ignore(const char*, void*) {}

using Stream = std::unique_ptr<opj_stream_t, void (*)(opj_stream_t*)>;
using Codec = std::unique_ptr<opj_codec_t, void (*)(opj_codec_t*)>;
using Decoded = std::unique_ptr<opj_image_t, void (*)(opj_image_t*)>;

std::unexpected<Error> broken(const std::string& why) {
  return fail(Code::corrupt, "the JPEG 2000 picture is damaged", why.empty() ? "OpenJPEG" : why);
}

Stream stream_over(Reading& reading, std::size_t buffer) {
  Stream stream(opj_stream_create(buffer, OPJ_TRUE), opj_stream_destroy);
  if (stream) {
    opj_stream_set_user_data(stream.get(), &reading, nullptr);
    opj_stream_set_user_data_length(stream.get(), reading.source->size);
    opj_stream_set_read_function(stream.get(), read_some);
    opj_stream_set_skip_function(stream.get(), skip);
    opj_stream_set_seek_function(stream.get(), seek);
  }
  return stream;
}

std::int64_t ceil_div(std::int64_t value, std::int64_t by) {
  return (value + by - 1) / by;
}

// One axis of an area. Pixels of the reduced picture are counted from ceil(left / 2^r) on, as the standard does.
struct Span {
  std::int64_t first = 0;  // pixel
  std::int64_t from = 0;   // on the reference grid
  std::int64_t to = 0;
  int step = 1;  // of the grid, for one pixel of the full size
  std::int64_t one = 1;
};

Span span_of(std::int64_t origin, std::int64_t length, int step, int most_step, int reduction, std::int64_t first,
             std::int64_t count) {
  Span span;
  span.one = 1LL << reduction;
  span.step = step;
  span.first = ceil_div(ceil_div(origin, step), span.one) + first;
  // The first sample of a coarser component may lie before the first pixel.
  const std::int64_t before = most_step > step ? most_step : 0;
  span.from = std::max(origin, (span.first * step - before) * span.one);
  span.to = std::min(origin + length, (span.first + count) * span.one * step);
  return span;
}

struct Window {
  Span x;
  Span y;
};

Result<Decoded> decode(Reading& reading, const Jpeg2000Info& info, int reduction, const Window& window) {
  const bool one_tile = info.tile_width >= info.width && info.tile_height >= info.height;
  const Stream stream = stream_over(reading, one_tile ? kBufferOfOne : kBufferOfMany);
  const Codec codec(opj_create_decompress(info.jp2 ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K), opj_destroy_codec);
  if (!stream || !codec) {
    return fail(Code::internal, "JPEG 2000 decoding failed");
  }
  opj_set_error_handler(codec.get(), keep_first, &reading);
  opj_set_warning_handler(codec.get(), ignore, nullptr);
  opj_set_info_handler(codec.get(), ignore, nullptr);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  parameters.cp_reduce = static_cast<OPJ_UINT32>(reduction);
  parameters.cp_layer = static_cast<OPJ_UINT32>(info.most_layers);
  opj_image_t* raw = nullptr;
  // One thread: pictures are what is done in parallel here (the variable OPJ_NUM_THREADS is overridden).
  if (opj_setup_decoder(codec.get(), &parameters) == 0 || opj_codec_set_threads(codec.get(), 1) == 0 ||
      opj_read_header(stream.get(), codec.get(), &raw) == 0) {
    opj_image_destroy(raw);
    return broken(reading.message);
  }
  Decoded image(raw, opj_image_destroy);
  const auto number = [](OPJ_UINT32 value) { return static_cast<std::int64_t>(value); };
  if (number(image->x0) != info.grid.x || number(image->y0) != info.grid.y ||
      number(image->x1 - image->x0) != info.grid.width || number(image->y1 - image->y0) != info.grid.height) {
    return broken("the size changed");
  }
  if (opj_set_decode_area(codec.get(), image.get(), static_cast<OPJ_INT32>(window.x.from),
                          static_cast<OPJ_INT32>(window.y.from), static_cast<OPJ_INT32>(window.x.to),
                          static_cast<OPJ_INT32>(window.y.to)) == 0 ||
      opj_decode(codec.get(), stream.get(), image.get()) == 0) {
    return broken(reading.message);
  }
  return image;
}

// From the samples of one component to what they are in the picture.
template <class T>
class Levels {
 public:
  Levels(const opj_image_comp_t& component, int bits)
      : offset_(component.sgnd != 0 ? std::int64_t{1} << (component.prec - 1) : 0),
        drop_(component.prec > 16 ? static_cast<int>(component.prec) - 16 : 0) {
    const int stored = static_cast<int>(component.prec) - drop_;
    most_ = (std::int64_t{1} << stored) - 1;
    const std::int64_t full = sizeof(T) == 1 ? 255 : (std::int64_t{1} << bits) - 1;
    if (most_ != full) {
      table_.resize(static_cast<std::size_t>(most_) + 1);
      for (std::int64_t v = 0; v <= most_; ++v) {
        table_[static_cast<std::size_t>(v)] = static_cast<T>((v * full + most_ / 2) / most_);
      }
    }
  }
  [[nodiscard]] T operator()(OPJ_INT32 sample) const {
    const std::int64_t value = std::clamp<std::int64_t>((sample + offset_) >> drop_, 0, most_);
    return table_.empty() ? static_cast<T>(value) : table_[static_cast<std::size_t>(value)];
  }

 private:
  std::int64_t offset_;
  int drop_;
  std::int64_t most_ = 255;
  std::vector<T> table_;
};

// Where the pixels of a line lie in a component that has one sample for every `step` steps of the grid.
std::vector<std::size_t> places(const Span& span, int count, OPJ_UINT32 step, OPJ_UINT32 size) {
  const std::int64_t pixels = std::max<std::int64_t>(1, step / span.step);  // for one sample
  const std::int64_t component_first = ceil_div(ceil_div(span.from, step), span.one);
  std::vector<std::size_t> at(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    at[static_cast<std::size_t>(i)] = static_cast<std::size_t>(
        std::clamp<std::int64_t>((span.first + i) / pixels - component_first, 0, std::int64_t{size} - 1));
  }
  return at;
}

template <class T>
void fill_channel(pixel::Image& out, int channel, const opj_image_comp_t& component, int bits, const Window& window) {
  const Levels<T> levels(component, bits);
  const auto columns = places(window.x, out.width, component.dx, component.w);
  const auto rows = places(window.y, out.height, component.dy, component.h);
  const auto step = static_cast<std::size_t>(out.channels);
  for (int y = 0; y < out.height; ++y) {
    const OPJ_INT32* from = component.data + rows[static_cast<std::size_t>(y)] * component.w;
    T* to = reinterpret_cast<T*>(out.row(y)) + channel;  // NOLINT: rows are aligned to their samples
    for (std::size_t x = 0; x < columns.size(); ++x) {
      to[x * step] = levels(from[columns[x]]);
    }
  }
}

// ITU-R BT.601, full range, as sYCC says.
template <class T>
void to_rgb(pixel::Image& image, int bits) {
  const double middle = sizeof(T) == 1 ? 128 : std::exp2(bits - 1);
  const double most = sizeof(T) == 1 ? 255 : std::exp2(bits) - 1;
  const auto round = [most](double value) { return static_cast<T>(std::clamp(value + 0.5, 0.0, most)); };
  for (int y = 0; y < image.height; ++y) {
    T* at = reinterpret_cast<T*>(image.row(y));  // NOLINT: rows are aligned to their samples
    for (int x = 0; x < image.width; ++x, at += image.channels) {
      const double luma = at[0];
      const double blue = at[1] - middle;
      const double red = at[2] - middle;
      at[0] = round(luma + 1.402 * red);
      at[1] = round(luma - 0.344136 * blue - 0.714136 * red);
      at[2] = round(luma + 1.772 * blue);
    }
  }
}

template <class T>
void fill(pixel::Image& out, const opj_image_t& decoded, const Jpeg2000Info& info, const Window& window) {
  for (int channel = 0; channel < out.channels; ++channel) {
    fill_channel<T>(out, channel, decoded.comps[channel], info.bits, window);
  }
  if (info.sycc) {
    to_rgb<T>(out, info.bits);
  }
}

}  // namespace

Result<pixel::Image> decode_jpeg2000(const ByteSource& source, const Jpeg2000Info& info, int reduction,
                                     const pixel::Rect& area) {
  if (reduction < 0 || reduction >= info.resolutions || area.x < 0 || area.y < 0 || area.width < 1 ||
      area.height < 1 || area.x > info.width_at(reduction) - area.width ||
      area.y > info.height_at(reduction) - area.height) {
    return fail(Code::bad_request, "the area is outside of the picture");
  }
  const Window window{
      span_of(info.grid.x, info.grid.width, info.step_x, info.most_step_x, reduction, area.x, area.width),
      span_of(info.grid.y, info.grid.height, info.step_y, info.most_step_y, reduction, area.y, area.height)};
  Reading reading{&source, 0, {}};
  const auto decoded = decode(reading, info, reduction, window);
  if (!decoded) {
    return pass(decoded.error());
  }
  const opj_image_t& image = **decoded;
  if (static_cast<int>(image.numcomps) < info.channels) {
    return broken("channels are missing");
  }
  for (int i = 0; i < info.channels; ++i) {
    const opj_image_comp_t& component = image.comps[i];
    if (component.data == nullptr || component.w < 1 || component.h < 1 || component.prec < 1 ||
        component.prec > 31 || component.dx < 1 || component.dy < 1) {
      return broken("a channel is empty");
    }
  }
  const bool deep = info.bits > 8;
  pixel::Image out =
      pixel::Image::unfilled(static_cast<int>(area.width), static_cast<int>(area.height), info.channels, info.colour,
                             deep ? pixel::Sample::u16 : pixel::Sample::u8);
  deep ? fill<std::uint16_t>(out, image, info, window) : fill<std::uint8_t>(out, image, info, window);
  return out;
}

}  // namespace microtome::codec
