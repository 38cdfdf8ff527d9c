// SPDX-License-Identifier: Apache-2.0
// PNG (W3C Portable Network Graphics, second edition): one cheap filter and one fast compressor do all the work, so
// that a tile costs a tenth of what libpng takes for the same size.
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "codec/deflate.hpp"
#include "codec/png.hpp"
#include "codec/png_filter.hpp"
#include "pixel/convert.hpp"

namespace microtome::codec {
namespace {

constexpr std::size_t kMostChunk = 0x7FFFFFFF;
constexpr std::size_t kBand = 64 << 10;  // bytes filtered before they are packed: stays in the processor's cache

void append_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void append_chunk(Bytes& out, std::string_view kind, ByteView body) {
  append_u32(out, static_cast<std::uint32_t>(body.size()));
  out.insert(out.end(), kind.begin(), kind.end());
  out.insert(out.end(), body.begin(), body.end());
  append_u32(out, crc32(body, crc32(as_bytes(kind))));
}

// 1..4; 0: PNG has no such kind.
int channels_of(pixel::Colour colour) {
  switch (colour) {
    case pixel::Colour::grey:
      return 1;
    case pixel::Colour::grey_alpha:
      return 2;
    case pixel::Colour::rgb:
      return 3;
    case pixel::Colour::rgba:
      return 4;
    default:
      return 0;
  }
}

bool storable(pixel::Colour colour, int channels, pixel::Sample sample) {
  return (sample == pixel::Sample::u8 || sample == pixel::Sample::u16) && channels > 0 &&
         channels == channels_of(colour);
}

struct Shape {
  int width = 0;
  int height = 0;
  int channels = 0;
  pixel::Sample sample = pixel::Sample::u8;
};

Result<void> append_header(Bytes& out, const Shape& shape, const PngEncodeOptions& options) {
  constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  constexpr std::array<int, 5> kColourTypes = {0, 0, 4, 2, 6};
  out.insert(out.end(), kSignature.begin(), kSignature.end());
  Bytes header;
  append_u32(header, static_cast<std::uint32_t>(shape.width));
  append_u32(header, static_cast<std::uint32_t>(shape.height));
  for (const int value : {8 * bytes_of(shape.sample), kColourTypes[shape.channels], 0, 0, 0}) {
    header.push_back(static_cast<std::uint8_t>(value));
  }
  append_chunk(out, "IHDR", header);
  if (!options.icc.empty()) {
    const auto packed = deflate(options.icc, Wrapper::zlib, 6);
    if (!packed) {
      return pass(packed.error());
    }
    Bytes body = {'I', 'C', 'C', 0, 0};
    body.insert(body.end(), packed->begin(), packed->end());
    append_chunk(out, "iCCP", body);
  }
  if (options.pixels_per_metre != 0) {
    Bytes body;
    append_u32(body, options.pixels_per_metre);
    append_u32(body, options.pixels_per_metre);
    body.push_back(1);
    append_chunk(out, "pHYs", body);
  }
  return {};
}

// IDAT chunks over ISA-L's streaming deflate. Each pack() call writes one chunk, if anything came out.
class Packer {
 public:
  Packer() : work_(ISAL_DEF_LVL1_DEFAULT) {
    isal_deflate_init(&stream_);
    stream_.level = 1;
    stream_.level_buf = work_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(work_.size());
    stream_.gzip_flag = IGZIP_ZLIB;
  }

  Result<void> pack(ByteView data, bool last, Bytes& out) {
    const std::size_t begin = out.size();
    append_u32(out, 0);
    out.insert(out.end(), {'I', 'D', 'A', 'T'});
    // ISA-L only reads the input.
    stream_.next_in = const_cast<std::uint8_t*>(data.data());
    stream_.avail_in = static_cast<std::uint32_t>(data.size());
    stream_.end_of_stream = last ? 1 : 0;
    do {
      const std::size_t used = out.size();
      const std::size_t room = data.size() / 2 + 1024;
      out.resize(used + room);
      stream_.next_out = out.data() + used;
      stream_.avail_out = static_cast<std::uint32_t>(room);
      if (isal_deflate(&stream_) != COMP_OK) {
        return fail(Code::internal, "compression failed");
      }
      out.resize(used + (room - std::min<std::size_t>(stream_.avail_out, room)));
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    const std::size_t size = out.size() - begin - 8;
    if (size == 0) {
      out.resize(begin);
      return {};
    }
    for (int i = 0; i < 4; ++i) {
      out[begin + i] = static_cast<std::uint8_t>(size >> (24 - 8 * i));
    }
    append_u32(out, crc32(ByteView(out).subspan(begin + 4)));
    return {};
  }

 private:
  isal_zstream stream_{};
  Bytes work_;
};

Bytes filter_rows(const pixel::Image& image, PngFilter kind) {
  PngRowFilter filter(image.width, image.channels, image.sample == pixel::Sample::u16, kind);
  Bytes out(filter.filtered_bytes() * static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y) {
    filter.apply(image.row(y), out.data() + static_cast<std::size_t>(y) * filter.filtered_bytes());
  }
  return out;
}

// Slower and, from level 9 on, smaller: all at once by libdeflate.
Result<Bytes> encode_small(const pixel::Image& image, const PngEncodeOptions& options) {
  Bytes out;
  const Shape shape{image.width, image.height, image.channels, image.sample};
  if (auto header = append_header(out, shape, options); !header) {
    return pass(header.error());
  }
  auto packed = deflate(filter_rows(image, options.filter), Wrapper::zlib, options.level);
  if (!packed) {
    return pass(packed.error());
  }
  out.reserve(out.size() + packed->size() + 64);
  ByteView rest = *packed;
  while (!rest.empty()) {
    const ByteView part = rest.first(std::min(rest.size(), kMostChunk));
    append_chunk(out, "IDAT", part);
    rest = rest.subspan(part.size());
  }
  append_chunk(out, "IEND", {});
  return out;
}

}  // namespace

struct PngStream::State {
  State(const Shape& picture, const PngEncodeOptions& options)
      : shape(picture),
        filter(picture.width, picture.channels, picture.sample == pixel::Sample::u16, options.filter),
        band(filter.filtered_bytes() * std::max<std::size_t>(kBand / filter.filtered_bytes(), 1)) {}

  Shape shape;
  int rows = 0;  // added so far
  bool finished = false;
  PngRowFilter filter;
  Packer packer;
  Bytes band;
  Bytes out;
};

PngStream::PngStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
PngStream::PngStream(PngStream&&) noexcept = default;
PngStream& PngStream::operator=(PngStream&&) noexcept = default;
PngStream::~PngStream() = default;

Result<PngStream> PngStream::begin(int width, int height, pixel::Colour colour, pixel::Sample sample,
                                   const PngEncodeOptions& options) {
  const int channels = channels_of(colour);
  if (width < 1 || height < 1 || width > (1 << 28) || !storable(colour, channels, sample)) {
    return fail(Code::bad_request, "picture of a kind PNG cannot hold");
  }
  auto state = std::make_unique<State>(Shape{width, height, channels, sample}, options);
  if (auto header = append_header(state->out, state->shape, options); !header) {
    return pass(header.error());
  }
  return PngStream(std::move(state));
}

Result<void> PngStream::add(const pixel::Image& strip) {
  State& state = *state_;
  if (strip.width != state.shape.width || strip.channels != state.shape.channels ||
      strip.sample != state.shape.sample || strip.height < 1 || strip.height > state.shape.height - state.rows) {
    return fail(Code::bad_request, "strip that does not fit the picture");
  }
  const std::size_t row_bytes = state.filter.filtered_bytes();
  std::size_t filled = 0;
  for (int y = 0; y < strip.height; ++y) {
    state.filter.apply(strip.row(y), state.band.data() + filled);
    filled += row_bytes;
    ++state.rows;
    const bool last = state.rows == state.shape.height;
    if (filled == state.band.size() || y + 1 == strip.height) {
      if (auto packed = state.packer.pack(ByteView(state.band).first(filled), last, state.out); !packed) {
        return pass(packed.error());
      }
      filled = 0;
    }
  }
  return {};
}

Result<void> PngStream::finish() {
  if (state_->rows != state_->shape.height || state_->finished) {
    return fail(Code::bad_request, "picture with missing rows");
  }
  append_chunk(state_->out, "IEND", {});
  state_->finished = true;
  return {};
}

Bytes PngStream::take() {
  return std::exchange(state_->out, {});
}

Result<Bytes> encode_png(const pixel::Image& source, const PngEncodeOptions& options) {
  if (source.width < 1 || source.height < 1 || source.channels < 1) {
    return fail(Code::bad_request, "empty picture");
  }
  if (!storable(source.colour, source.channels, source.sample)) {
    const pixel::Image plain = source.channels == 1 ? pixel::to_grey(source) : pixel::to_rgb(source);
    return encode_png(plain, options);
  }
  if (options.level != 1) {
    return encode_small(source, options);
  }
  auto stream = PngStream::begin(source.width, source.height, source.colour, source.sample, options);
  if (!stream) {
    return pass(stream.error());
  }
  if (auto added = stream->add(source); !added) {
    return pass(added.error());
  }
  if (auto done = stream->finish(); !done) {
    return pass(done.error());
  }
  return stream->take();
}

}  // namespace microtome::codec
