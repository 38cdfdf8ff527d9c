// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <string>

#include "codec/jpeg.hpp"
#include "codec/jpeg_baseline.hpp"
#include "codec/jpeg_handle.hpp"

namespace microtome::codec {
namespace {

using jpeg::Decompressor;
using jpeg::run_guarded;

struct Plan {
  pixel::Rect region;  // of the scaled picture
  int channels = 3;    // that libjpeg gives
  bool whole = true;
};

std::uint64_t area(std::int64_t width, std::int64_t height) {
  return static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
}

void choose_colours(jpeg_decompress_struct& handle, const JpegDecodeOptions& options) {
  if (handle.num_components == 3 && options.rgb_coded) {
    handle.jpeg_color_space = *options.rgb_coded ? JCS_RGB : JCS_YCbCr;
  }
  if (handle.num_components == 1) {
    handle.out_color_space = JCS_GRAYSCALE;
  } else if (handle.num_components == 3) {
    handle.out_color_space = options.luma_only ? JCS_GRAYSCALE : JCS_RGB;
  } else {
    handle.out_color_space = JCS_CMYK;
  }
}

Result<Plan> plan_decode(jpeg_decompress_struct& handle, const JpegDecodeOptions& options) {
  const std::int64_t width = handle.output_width;
  const std::int64_t height = handle.output_height;
  Plan plan;
  plan.channels = handle.out_color_components;
  plan.region = options.region.value_or(pixel::Rect{0, 0, width, height});
  const pixel::Rect& region = plan.region;
  if (region.x < 0 || region.y < 0 || region.width < 1 || region.height < 1 || region.x >= width ||
      region.y >= height || region.width > width - region.x || region.height > height - region.y) {
    return fail(Code::bad_request, "region outside the picture");
  }
  plan.whole = region.width == width && region.height == height;
  if (area(region.width, region.height) > options.max_pixels ||
      (jpeg_has_multiple_scans(&handle) != FALSE &&
       area(handle.image_width, handle.image_height) > options.max_pixels)) {
    return fail(Code::too_large, "JPEG with too many pixels",
                std::to_string(handle.image_width) + "x" + std::to_string(handle.image_height));
  }
  return plan;
}

// Rows straight into the picture.
void read_whole(jpeg_decompress_struct& handle, pixel::Image& image) {
  std::array<JSAMPROW, 16> rows{};
  while (handle.output_scanline < handle.output_height) {
    const auto first = static_cast<int>(handle.output_scanline);
    const int count = std::min<int>(static_cast<int>(rows.size()), image.height - first);
    for (int i = 0; i < count; ++i) {
      rows[i] = image.row(first + i);
    }
    jpeg_read_scanlines(&handle, rows.data(), count);
  }
}

constexpr int kRowsAtOnce = 16;

// Rows into a larger picture; those that do not lie in it whole go through `lines` (kRowsAtOnce of them).
void read_into(jpeg_decompress_struct& handle, std::uint8_t* lines, pixel::Image& target, const pixel::Rect& place) {
  const auto bytes = static_cast<std::size_t>(place.width) * target.channels;
  const std::int64_t left = std::max<std::int64_t>(0, -place.x);
  const std::int64_t right = std::min(place.width, target.width - place.x);
  if (right <= left) {
    return;
  }
  const bool direct = left == 0 && right == place.width;
  const auto inside = [&](std::int64_t y) { return y >= 0 && y < target.height; };
  std::array<JSAMPROW, kRowsAtOnce> rows{};
  while (handle.output_scanline < handle.output_height && place.y + handle.output_scanline < target.height) {
    const std::int64_t first = place.y + handle.output_scanline;
    const int count = static_cast<int>(std::min<std::int64_t>(kRowsAtOnce, place.y + place.height - first));
    for (int i = 0; i < count; ++i) {
      const bool straight = direct && inside(first + i);
      rows[i] = straight ? target.row(static_cast<int>(first + i)) + place.x * target.channels : lines + i * bytes;
    }
    const auto done = static_cast<int>(jpeg_read_scanlines(&handle, rows.data(), count));
    for (int i = 0; i < done && !direct; ++i) {
      if (inside(first + i)) {
        std::memcpy(target.row(static_cast<int>(first + i)) + (place.x + left) * target.channels,
                    rows[i] + left * target.channels, static_cast<std::size_t>(right - left) * target.channels);
      }
    }
  }
}

// Columns are cut at MCU borders by libjpeg, so each row goes through `line`. One more pixel is asked for on either
// side: the smooth enlarging of chroma looks at its neighbours, and the region must look as in the whole picture.
void read_region(jpeg_decompress_struct& handle, const Plan& plan, std::uint8_t* line, pixel::Image& image) {
  const pixel::Rect& region = plan.region;
  const auto full_width = static_cast<std::int64_t>(handle.output_width);
  const std::int64_t left = std::max<std::int64_t>(region.x - 2, 0);
  const std::int64_t right = std::min(region.x + region.width + 2, full_width);
  auto x = static_cast<JDIMENSION>(left);
  auto width = static_cast<JDIMENSION>(right - left);
  if (right - left < full_width) {
    jpeg_crop_scanline(&handle, &x, &width);
  }
  if (region.y > 0) {
    jpeg_skip_scanlines(&handle, static_cast<JDIMENSION>(region.y));
  }
  const std::size_t begin = static_cast<std::size_t>(region.x - x) * plan.channels;
  for (int y = 0; y < image.height; ++y) {
    JSAMPROW row = line;
    jpeg_read_scanlines(&handle, &row, 1);
    std::memcpy(image.row(y), line + begin, image.stride);
  }
}

// Adobe's programs store CMYK inverted (255 = no ink); everyone else is taken at his word.
pixel::Image ink_to_rgb(const pixel::Image& ink, bool inverted) {
  pixel::Image rgb = pixel::Image::unfilled(ink.width, ink.height, 3, pixel::Colour::rgb);
  const unsigned flip = inverted ? 0 : 255;
  for (int y = 0; y < ink.height; ++y) {
    const std::uint8_t* in = ink.row(y);
    std::uint8_t* out = rgb.row(y);
    for (int x = 0; x < ink.width; ++x, in += 4, out += 3) {
      const unsigned key = in[3] ^ flip;
      for (int c = 0; c < 3; ++c) {
        out[c] = static_cast<std::uint8_t>(((in[c] ^ flip) * key + 127) / 255);
      }
    }
  }
  return rgb;
}

}  // namespace

namespace {

// Header read, sizes known and checked, nothing decoded yet.
Result<Plan> open_stream(Decompressor& decoder, ByteView stream, const JpegDecodeOptions& options) {
  const int scale = options.scale_denominator;
  if (scale != 1 && scale != 2 && scale != 4 && scale != 8) {
    return fail(Code::bad_request, "JPEG scale must be 1, 2, 4 or 8");
  }
  auto pieces = jpeg::assemble(stream, options.tables);
  if (!pieces) {
    return pass(pieces.error());
  }
  auto& handle = decoder.handle;
  if (auto open = decoder.open(std::move(*pieces), options.tolerant); !open) {
    return pass(open.error());
  }
  if (handle.num_components == 2 || handle.num_components > 4) {
    return fail(Code::unsupported, "JPEG of this many components");
  }
  choose_colours(handle, options);
  handle.scale_num = 1;
  handle.scale_denom = static_cast<unsigned>(scale);
  if (!run_guarded(decoder.trap, [&] { jpeg_calc_output_dimensions(&handle); })) {
    return std::unexpected(decoder.trap.error());
  }
  return plan_decode(handle, options);
}

}  // namespace

Result<pixel::Image> decode_jpeg(ByteView stream, const JpegDecodeOptions& options) {
  Decompressor decoder;
  auto& handle = decoder.handle;
  const auto plan = open_stream(decoder, stream, options);
  if (!plan) {
    return pass(plan.error());
  }
  const pixel::Colour colour = plan->channels == 1   ? pixel::Colour::grey
                               : plan->channels == 3 ? pixel::Colour::rgb
                                                     : pixel::Colour::cmyk;
  pixel::Image image = pixel::Image::unfilled(static_cast<int>(plan->region.width),
                                              static_cast<int>(plan->region.height), plan->channels, colour);
  const bool usual = plan->whole && plan->channels == 3 && options.scale_denominator == 1;
  if (usual && decode_baseline_rgb(stream, options, image, {0, 0, image.width, image.height})) {
    return image;
  }
  Bytes line(plan->whole ? 0 : static_cast<std::size_t>(handle.output_width) * plan->channels);
  const bool done = run_guarded(decoder.trap, [&] {
    jpeg_start_decompress(&handle);
    if (plan->whole) {
      read_whole(handle, image);  // what follows the last row does not matter
    } else {
      read_region(handle, *plan, line.data(), image);
    }
  });
  if (!done) {
    return std::unexpected(decoder.trap.error());
  }
  if (colour != pixel::Colour::cmyk) {
    return image;
  }
  const bool inverted = handle.saw_Adobe_marker != FALSE;
  pixel::Image rgb;
  if (options.inks != nullptr && options.inks->to_rgb(image, inverted, rgb)) {
    return rgb;
  }
  return ink_to_rgb(image, inverted);
}

Result<bool> decode_jpeg_into(ByteView stream, const JpegDecodeOptions& options, pixel::Image& target,
                              const pixel::Rect& place) {
  Decompressor decoder;
  const auto plan = open_stream(decoder, stream, options);
  if (!plan) {
    return pass(plan.error());
  }
  const bool fits = !options.region && plan->region.width == place.width && plan->region.height == place.height &&
                    plan->channels == target.channels && plan->channels != 4 && target.sample == pixel::Sample::u8;
  if (!fits) {
    return false;
  }
  if (plan->channels == 3 && options.scale_denominator == 1 && decode_baseline_rgb(stream, options, target, place)) {
    return true;
  }
  Bytes lines(static_cast<std::size_t>(place.width) * plan->channels * kRowsAtOnce);
  const bool done = run_guarded(decoder.trap, [&] {
    jpeg_start_decompress(&decoder.handle);
    read_into(decoder.handle, lines.data(), target, place);
  });
  return done ? Result<bool>(true) : std::unexpected(decoder.trap.error());
}

}  // namespace microtome::codec
