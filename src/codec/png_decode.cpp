// SPDX-License-Identifier: Apache-2.0
#include <png.h>

#include <algorithm>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "codec/deflate.hpp"
#include "codec/png.hpp"
#include "codec/row_decoder.hpp"

namespace microtome::codec {
namespace {

std::uint32_t read_u32(ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}

// libpng reports errors by not returning; see jpeg_handle.hpp for the rules that this keeps.
struct Trap {
  std::jmp_buf jump{};
  char text[128] = {};
  ByteView stream;
  std::size_t position = 0;
  Pull pull;  // instead of the stream, when set
};

extern "C" {
[[noreturn]] void on_png_error(png_structp png, png_const_charp text) {
  auto* trap = static_cast<Trap*>(png_get_error_ptr(png));
  std::strncpy(trap->text, text, sizeof(trap->text) - 1);
  std::longjmp(trap->jump, 1);  // NOLINT(cert-err52-cpp)
}

void on_png_warning(png_structp, png_const_charp) {}

void on_png_read(png_structp png, png_bytep out, std::size_t count) {
  auto* trap = static_cast<Trap*>(png_get_io_ptr(png));
  if (trap->pull) {
    std::size_t done = 0;
    while (done < count) {
      const std::size_t got = trap->pull({out + done, count - done});
      if (got == 0) {
        png_error(png, "truncated");
      }
      done += got;
    }
    return;
  }
  if (count > trap->stream.size() - trap->position) {
    png_error(png, "truncated");
  }
  std::memcpy(out, trap->stream.data() + trap->position, count);
  trap->position += count;
}
}  // extern "C"

template <class Step>
bool run_guarded(Trap& trap, Step step) {
  if (setjmp(trap.jump) != 0) {  // NOLINT(cert-err52-cpp)
    return false;
  }
  step();
  return true;
}

class Reader {
 public:
  explicit Reader(ByteView stream) { trap.stream = stream; }
  explicit Reader(Pull pull) { trap.pull = std::move(pull); }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Trap trap;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

// Reads what stands before the pixels and sets the conversions. Larger pictures than `width` x `height` are errors.
void begin(Reader& reader, int width, int height) {
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.trap, on_png_error, on_png_warning);
  if (reader.png == nullptr) {
    return;
  }
  png_structp png = reader.png;
  reader.info = png_create_info_struct(png);
  png_set_read_fn(png, &reader.trap, on_png_read);
  png_set_user_limits(png, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height));
  png_set_chunk_cache_max(png, 64);
  png_set_chunk_malloc_max(png, 8 << 20);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // of ancillary ones only tRNS matters
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, reinterpret_cast<png_const_bytep>("tRNS"), 1);
  png_read_info(png, reader.info);
  png_set_expand(png);
  if (std::endian::native == std::endian::little) {
    png_set_swap(png);
  }
}

pixel::Colour colour_of(int channels) {
  constexpr std::array<pixel::Colour, 4> kColours = {pixel::Colour::grey, pixel::Colour::grey_alpha,
                                                     pixel::Colour::rgb, pixel::Colour::rgba};
  return kColours[static_cast<std::size_t>(channels - 1)];
}

Result<void> read_header(ByteView body, PngInfo& info) {
  if (body.size() != 13) {
    return fail(Code::corrupt, "broken PNG header");
  }
  const std::uint32_t width = read_u32(body, 0);
  const std::uint32_t height = read_u32(body, 4);
  const int bits = body[8];
  const int type = body[9];
  if (width == 0 || height == 0 || width > 0x7FFFFFFF || height > 0x7FFFFFFF || (type & ~7) != 0 || type == 1 ||
      type == 5 || type == 7 || body[12] > 1) {
    return fail(Code::corrupt, "broken PNG header");
  }
  info.width = static_cast<int>(width);
  info.height = static_cast<int>(height);
  info.bits = bits == 16 ? 16 : 8;
  info.palette = type == 3;
  info.alpha = (type & 4) != 0;
  info.interlaced = body[12] == 1;
  info.channels = ((type & 2) != 0 ? 3 : 1) + (info.alpha ? 1 : 0);
  return {};
}

// libpng drops a tRNS that does not fit the colour type, and so does this.
bool fits_transparency(ByteView body, const PngInfo& info, std::size_t palette_entries) {
  if (info.alpha) {
    return false;
  }
  if (info.palette) {
    return !body.empty() && body.size() <= palette_entries;
  }
  return body.size() == (info.channels == 1 ? 2 : 6);
}

struct Chunk {
  std::string_view kind;
  ByteView body;
  bool sound = false;  // its check sum is right
};

// The chunk at `at`, which moves behind it; nothing at the end of what is there.
std::optional<Chunk> next_chunk(ByteView bytes, std::size_t& at) {
  if (bytes.size() - at < 12) {
    return std::nullopt;
  }
  const std::size_t size = read_u32(bytes, at);
  if (size > 0x7FFFFFFF || bytes.size() - at < size + 12) {
    return std::nullopt;
  }
  Chunk chunk{as_text(bytes.subspan(at + 4, 4)), bytes.subspan(at + 8, size)};
  chunk.sound = crc32(bytes.subspan(at + 4, size + 4)) == read_u32(bytes, at + 8 + size);
  at += size + 12;
  return chunk;
}

}  // namespace

Result<PngInfo> inspect_png(ByteView head) {
  constexpr std::string_view kSignature = "\x89PNG\r\n\x1A\n";
  if (!as_text(head).starts_with(kSignature)) {
    return fail(Code::corrupt, "not a PNG");
  }
  PngInfo info;
  std::size_t at = kSignature.size();
  const auto first = next_chunk(head, at);
  if (!first) {
    return fail(Code::corrupt, "truncated PNG");
  }
  if (first->kind != "IHDR" || !first->sound) {
    return fail(Code::corrupt, "broken PNG header");
  }
  if (auto header = read_header(first->body, info); !header) {
    return pass(header.error());
  }
  std::size_t palette_entries = 0;
  while (const auto chunk = next_chunk(head, at)) {
    if (chunk->kind == "IDAT") {
      break;
    }
    if (chunk->kind == "PLTE") {
      palette_entries = chunk->body.size() / 3;
    } else if (chunk->kind == "tRNS" && chunk->sound && fits_transparency(chunk->body, info, palette_entries)) {
      info.alpha = true;
      ++info.channels;
    }
  }
  return info;
}

Result<pixel::Image> decode_png(ByteView stream, std::uint64_t max_pixels) {
  const auto info = inspect_png(stream);
  if (!info) {
    return pass(info.error());
  }
  if (static_cast<std::uint64_t>(info->width) * static_cast<std::uint64_t>(info->height) > max_pixels) {
    return fail(Code::too_large, "PNG with too many pixels");
  }
  Reader reader(stream);
  if (!run_guarded(reader.trap, [&] { begin(reader, info->width, info->height); }) || reader.png == nullptr ||
      reader.info == nullptr) {
    return fail(Code::corrupt, "broken PNG", reader.trap.text);
  }
  int passes = 1;
  const bool ready = run_guarded(reader.trap, [&] {
    passes = png_set_interlace_handling(reader.png);
    png_read_update_info(reader.png, reader.info);
  });
  const int channels = ready ? png_get_channels(reader.png, reader.info) : 0;
  const int bits = ready ? png_get_bit_depth(reader.png, reader.info) : 0;
  if (!ready || channels < 1 || channels > 4 || (bits != 8 && bits != 16)) {
    return fail(Code::corrupt, "broken PNG", reader.trap.text);
  }
  pixel::Image image = pixel::Image::make(info->width, info->height, channels, colour_of(channels),
                                          bits == 16 ? pixel::Sample::u16 : pixel::Sample::u8);
  if (png_get_rowbytes(reader.png, reader.info) != image.stride) {
    return fail(Code::internal, "PNG row of an unexpected size");
  }
  const bool done = run_guarded(reader.trap, [&] {
    for (int pass = 0; pass < passes; ++pass) {
      for (int y = 0; y < image.height; ++y) {
        png_read_row(reader.png, image.row(y), nullptr);
      }
    }
    png_read_end(reader.png, nullptr);
  });
  if (!done) {
    return fail(Code::corrupt, "broken PNG", reader.trap.text);
  }
  return image;
}

namespace {

class PngRows final : public RowDecoder {
 public:
  explicit PngRows(Pull pull) : reader_(std::move(pull)) {}

  Result<void> open() {
    constexpr int kMostSide = 0x7FFFFFFF;  // what a header can say; the caller has his own limits
    png_byte interlaced = 0;
    const bool ready = run_guarded(reader_.trap, [&] {
      begin(reader_, kMostSide, kMostSide);
      interlaced = png_get_interlace_type(reader_.png, reader_.info);
      png_read_update_info(reader_.png, reader_.info);
    });
    if (!ready || reader_.png == nullptr || reader_.info == nullptr) {
      return fail(Code::corrupt, "broken PNG", reader_.trap.text);
    }
    if (interlaced != PNG_INTERLACE_NONE) {
      return fail(Code::unsupported, "this PNG cannot be decoded in rows");
    }
    width_ = static_cast<int>(png_get_image_width(reader_.png, reader_.info));
    height_ = static_cast<int>(png_get_image_height(reader_.png, reader_.info));
    channels_ = png_get_channels(reader_.png, reader_.info);
    bits_ = png_get_bit_depth(reader_.png, reader_.info);
    if (channels_ < 1 || channels_ > 4 || (bits_ != 8 && bits_ != 16)) {
      return fail(Code::corrupt, "broken PNG");
    }
    return {};
  }

  [[nodiscard]] int width() const override { return width_; }
  [[nodiscard]] int height() const override { return height_; }

  Result<pixel::Image> next(int rows) override {
    const int count = std::min(rows, height_ - next_);
    if (count <= 0) {
      return pixel::Image{};
    }
    pixel::Image band = pixel::Image::make(width_, count, channels_, colour_of(channels_),
                                           bits_ == 16 ? pixel::Sample::u16 : pixel::Sample::u8);
    if (png_get_rowbytes(reader_.png, reader_.info) != band.stride) {
      return fail(Code::internal, "PNG row of an unexpected size");
    }
    const bool done = run_guarded(reader_.trap, [&] {
      for (int y = 0; y < count; ++y) {
        png_read_row(reader_.png, band.row(y), nullptr);
      }
    });
    if (!done) {
      return fail(Code::corrupt, "broken PNG", reader_.trap.text);
    }
    next_ += count;
    return band;
  }

 private:
  Reader reader_;
  int width_ = 0;
  int height_ = 0;
  int channels_ = 0;
  int bits_ = 8;
  int next_ = 0;
};

}  // namespace

Result<RowDecoderPtr> decode_png_rows(Pull pull) {
  auto rows = std::make_unique<PngRows>(std::move(pull));
  if (auto open = rows->open(); !open) {
    return pass(open.error());
  }
  return rows;
}

}  // namespace microtome::codec
