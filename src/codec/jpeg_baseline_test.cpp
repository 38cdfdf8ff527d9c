// SPDX-License-Identifier: Apache-2.0
// Our own decoder against libjpeg's accurate one: every sample is the same, or our own one leaves the stream alone.
#include "codec/jpeg_baseline.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdlib>
#include <string>

#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_segments.hpp"
#include "codec/picture_for_test.hpp"

namespace microtome::codec {
namespace {

struct Way {
  int across = 2;
  int down = 2;
  int quality = 85;
  int restart = 0;  // MCUs
  bool optimised = false;
  bool progressive = false;
  bool abbreviated = false;
  bool noise = false;
};

struct Coded {
  Bytes stream;
  Bytes tables;
};

// A smooth picture, or one in which every coefficient has something to say.
pixel::Image rgb(int width, int height, bool noise) {
  pixel::Image image = test::picture(width, height, 3);
  std::uint32_t state = 7;
  for (std::uint8_t& sample : image.data) {
    state = state * 1664525U + 1013904223U;
    sample = noise ? static_cast<std::uint8_t>(state >> 24) : sample;
  }
  return image;
}

void set_up(jpeg_compress_struct& handle, const pixel::Image& image, const Way& way) {
  handle.image_width = static_cast<JDIMENSION>(image.width);
  handle.image_height = static_cast<JDIMENSION>(image.height);
  handle.input_components = 3;
  handle.in_color_space = JCS_RGB;
  jpeg_set_defaults(&handle);
  jpeg_set_quality(&handle, way.quality, TRUE);
  handle.comp_info[0].h_samp_factor = way.across;
  handle.comp_info[0].v_samp_factor = way.down;
  handle.restart_interval = static_cast<unsigned>(way.restart);
  handle.optimize_coding = way.optimised ? TRUE : FALSE;
  if (way.progressive) {
    jpeg_simple_progression(&handle);
  }
}

Coded encode(const pixel::Image& image, const Way& way) {
  Coded coded;
  jpeg::Compressor encoder;
  auto& handle = encoder.handle;
  EXPECT_TRUE(encoder.open(image.data.size()));
  const bool done = jpeg::run_guarded(encoder.trap, [&] {
    set_up(handle, image, way);
    if (way.abbreviated) {
      jpeg_write_tables(&handle);
    }
  });
  EXPECT_TRUE(done);
  if (way.abbreviated) {
    coded.tables = encoder.take();
    return {encode(image, {way.across, way.down, way.quality, way.restart}).stream, coded.tables};
  }
  const bool written = jpeg::run_guarded(encoder.trap, [&] {
    jpeg_start_compress(&handle, TRUE);
    for (int y = 0; y < image.height; ++y) {
      JSAMPROW row = const_cast<JSAMPROW>(image.row(y));
      jpeg_write_scanlines(&handle, &row, 1);
    }
    jpeg_finish_compress(&handle);
  });
  EXPECT_TRUE(written);
  coded.stream = encoder.take();
  return coded;
}

// The stream without what is in its tables.
Bytes without_tables(const Bytes& stream) {
  Bytes out(stream.begin(), stream.begin() + 2);
  std::size_t at = 2;
  while (stream[at + 1] != 0xDA) {
    const std::size_t length = 2 + (std::size_t{stream[at + 2]} << 8 | stream[at + 3]);
    if (stream[at + 1] != 0xDB && stream[at + 1] != 0xC4) {
      out.insert(out.end(), stream.begin() + static_cast<std::ptrdiff_t>(at),
                 stream.begin() + static_cast<std::ptrdiff_t>(at + length));
    }
    at += length;
  }
  out.insert(out.end(), stream.begin() + static_cast<std::ptrdiff_t>(at), stream.end());
  return out;
}

// As libjpeg decodes it.
pixel::Planes expected(const Bytes& stream, int width, int height, const Way& way) {
  jpeg::Decompressor decoder;
  auto& handle = decoder.handle;
  EXPECT_TRUE(decoder.open(jpeg::assemble(stream, {}).value(), false));
  const int across = (width + 8 * way.across - 1) / (8 * way.across);
  const int down = (height + 8 * way.down - 1) / (8 * way.down);
  auto planes = pixel::Planes::make(across * 8 * way.across, down * 8 * way.down, way.across, way.down);
  const bool done = jpeg::run_guarded(decoder.trap, [&] {
    handle.out_color_space = handle.jpeg_color_space = JCS_YCbCr;
    handle.raw_data_out = TRUE;
    handle.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&handle);
    while (handle.output_scanline < handle.output_height) {
      JSAMPROW rows[3][16];
      JSAMPARRAY arrays[3] = {rows[0], rows[1], rows[2]};
      for (int c = 0; c < 3; ++c) {
        const int factor = c == 0 ? way.down : 1;
        for (int i = 0; i < 8 * factor; ++i) {
          rows[c][i] = planes.plane[c].row(static_cast<int>(handle.output_scanline) * factor / way.down + i);
        }
      }
      jpeg_read_raw_data(&handle, arrays, static_cast<JDIMENSION>(8 * way.down));
    }
  });
  EXPECT_TRUE(done);
  return planes;
}

void expect_same(const pixel::Planes& got, const pixel::Planes& want, int x, int y, int width, int height,
                 const std::string& what) {
  for (int c = 0; c < 3; ++c) {
    const int across = c == 0 ? 1 : got.across;
    const int down = c == 0 ? 1 : got.down;
    const int right = std::min(got.plane[c].width, x / across + (width + across - 1) / across);
    const int bottom = std::min(got.plane[c].height, y / down + (height + down - 1) / down);
    for (int v = 0; v < got.plane[c].height; ++v) {
      for (int u = 0; u < got.plane[c].width; ++u) {
        const bool inside = u >= x / across && u < right && v >= y / down && v < bottom;
        const int value = inside ? want.plane[c].row(v - y / down)[u - x / across] : 77;
        ASSERT_EQ(got.plane[c].row(v)[u], value) << what << ": component " << c << " at " << u << ", " << v;
      }
    }
  }
}

pixel::Planes canvas(int width, int height, const Way& way) {
  auto planes = pixel::Planes::make(width, height, way.across, way.down);
  for (pixel::Image& plane : planes.plane) {
    std::ranges::fill(plane.data, std::uint8_t{77});
  }
  return planes;
}

void check(int width, int height, const Way& way) {
  const Coded coded = encode(rgb(width, height, way.noise), way);
  const Bytes stream = way.abbreviated ? without_tables(coded.stream) : coded.stream;
  const std::string what = std::to_string(width) + "x" + std::to_string(height) + " " + std::to_string(way.across) +
                           "x" + std::to_string(way.down) + " q" + std::to_string(way.quality) + " restart " +
                           std::to_string(way.restart);
  const auto want = expected(coded.stream, width, height, way);
  struct Place {
    int x, y, width, height;
  };
  // In the middle of a larger picture, and over each of its edges.
  for (const Place& place : {Place{0, 0, width, height}, Place{8, 16, width + 40, height + 24},
                             Place{-24, -8, width, height}, Place{16, 8, width - 5, height - 3}}) {
    if (place.width < 1 || place.height < 1 || place.x + width <= 0 || place.y + height <= 0) {
      continue;
    }
    auto got = canvas(place.width, place.height, way);
    ASSERT_TRUE(decode_baseline_planes(stream, coded.tables, width, height, got, place.x, place.y)) << what;
    expect_same(got, want, place.x, place.y, width, height, what);
  }
}

TEST(JpegBaseline, EverySampleIsLibjpegs) {
  for (const auto& [across, down] : {std::pair{1, 1}, std::pair{2, 1}, std::pair{1, 2}, std::pair{2, 2}}) {
    for (const int quality : {5, 60, 85, 97, 100}) {
      for (const bool noise : {false, true}) {
        check(96, 64, {.across = across, .down = down, .quality = quality, .noise = noise});
        check(51, 37, {.across = across, .down = down, .quality = quality, .noise = noise});
      }
    }
  }
  check(512, 512, {.quality = 85});
  check(1, 1, {});
  check(256, 8, {.across = 1, .down = 1});
}

TEST(JpegBaseline, RestartsAndOtherTablesToo) {
  for (const int restart : {1, 2, 3, 7, 100}) {
    check(130, 70, {.restart = restart, .noise = true});
  }
  check(130, 70, {.quality = 90, .optimised = true});
  check(130, 70, {.optimised = true, .noise = true});
  check(130, 70, {.abbreviated = true});
  check(130, 70, {.restart = 5, .abbreviated = true});
}

TEST(JpegBaseline, TheSameOnEveryMachine) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    check(147, 83, {.noise = true});
    check(147, 83, {.across = 1, .down = 1, .quality = 40});
  }
  hwy::SetSupportedTargetsForTest(0);
}

pixel::Image libjpeg_rgb(const Bytes& stream) {
  jpeg::Decompressor decoder;
  auto& handle = decoder.handle;
  EXPECT_TRUE(decoder.open(jpeg::assemble(stream, {}).value(), false));
  auto image = pixel::Image::make(static_cast<int>(handle.image_width), static_cast<int>(handle.image_height), 3,
                                  pixel::Colour::rgb);
  const bool done = jpeg::run_guarded(decoder.trap, [&] {
    jpeg_start_decompress(&handle);
    while (handle.output_scanline < handle.output_height) {
      JSAMPROW row = image.row(static_cast<int>(handle.output_scanline));
      jpeg_read_scanlines(&handle, &row, 1);
    }
  });
  EXPECT_TRUE(done);
  return image;
}

void check_rgb(int width, int height, const Way& way) {
  const Coded coded = encode(rgb(width, height, way.noise), way);
  const std::string what = std::to_string(width) + "x" + std::to_string(height) + " " + std::to_string(way.across) +
                           "x" + std::to_string(way.down);
  const pixel::Image want = libjpeg_rgb(coded.stream);
  for (const pixel::Rect& place :
       {pixel::Rect{0, 0, width, height}, pixel::Rect{-7, 5, width, height}, pixel::Rect{3, -9, width, height}}) {
    auto got = pixel::Image::make(width + 4, height + 2, 3, pixel::Colour::rgb);
    std::ranges::fill(got.data, std::uint8_t{77});
    ASSERT_TRUE(decode_baseline_rgb(coded.stream, {}, got, place)) << what;
    for (int y = 0; y < got.height; ++y) {
      for (int x = 0; x < 3 * got.width; ++x) {
        const int from_x = x - 3 * static_cast<int>(place.x);
        const int from_y = y - static_cast<int>(place.y);
        const bool inside = from_x >= 0 && from_x < 3 * width && from_y >= 0 && from_y < height;
        ASSERT_EQ(got.row(y)[x], inside ? want.row(from_y)[from_x] : 77) << what << " at " << x / 3 << ", " << y;
      }
    }
  }
}

TEST(JpegBaseline, EveryPixelIsLibjpegs) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const bool noise : {false, true}) {
      for (const auto& [across, down] : {std::pair{1, 1}, std::pair{2, 1}, std::pair{2, 2}}) {
        for (const auto& [width, height] :
             {std::pair{130, 70}, std::pair{131, 69}, std::pair{5, 1}, std::pair{6, 2}}) {
          check_rgb(width, height, {.across = across, .down = down, .noise = noise});
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  check_rgb(512, 512, {.quality = 95, .noise = true});
}

TEST(JpegBaseline, ColoursThatAreNotTurnedHere) {
  const auto refused = [](const Bytes& stream, int width, int height, std::optional<bool> rgb_coded = {}) {
    auto target = pixel::Image::make(width, height, 3, pixel::Colour::rgb);
    return !decode_baseline_rgb(stream, {.rgb_coded = rgb_coded}, target, {0, 0, width, height});
  };
  const Bytes good = encode(rgb(40, 30, false), {}).stream;
  EXPECT_FALSE(refused(good, 40, 30));
  EXPECT_FALSE(refused(good, 40, 30, false));
  EXPECT_TRUE(refused(good, 40, 30, true));
  EXPECT_TRUE(refused(good, 41, 30));
  EXPECT_TRUE(refused(encode(rgb(40, 30, false), {.across = 1}).stream, 40, 30));
  EXPECT_TRUE(refused(encode(rgb(4, 4, false), {}).stream, 4, 4));
}

TEST(JpegBaseline, LeavesTheRestToLibjpeg) {
  const auto refused = [](ByteView stream, int width, int height, const Way& way = {}) {
    auto target = canvas(width, height, way);
    return !decode_baseline_planes(stream, {}, width, height, target, 0, 0);
  };
  const pixel::Image image = rgb(80, 60, true);
  const Bytes good = encode(image, {}).stream;
  EXPECT_FALSE(refused(good, 80, 60));
  EXPECT_TRUE(refused(good, 81, 60));
  EXPECT_TRUE(refused(good, 80, 60, {.across = 1, .down = 1}));
  EXPECT_TRUE(refused(encode(image, {.progressive = true}).stream, 80, 60));
  EXPECT_TRUE(refused(without_tables(good), 80, 60));
  EXPECT_TRUE(refused({}, 80, 60));
  EXPECT_TRUE(refused(encode_jpeg(test::picture(80, 60, 1)).value(), 80, 60));
}

TEST(JpegBaseline, DamageIsLeftToLibjpeg) {
  const pixel::Image image = rgb(80, 60, true);
  const Bytes plain = encode(image, {}).stream;
  const std::size_t scan = inspect_jpeg(plain).value().scan_offset;
  for (std::size_t length = 0; length + 40 < plain.size(); length += 13) {
    auto target = canvas(80, 60, {});
    EXPECT_FALSE(decode_baseline_planes(ByteView(plain).first(length), {}, 80, 60, target, 0, 0)) << length;
  }
  Bytes early = plain;  // a marker before the end
  early[scan + 100] = 0xFF;
  early[scan + 101] = 0xD9;
  auto target = canvas(80, 60, {});
  EXPECT_FALSE(decode_baseline_planes(early, {}, 80, 60, target, 0, 0));

  Bytes restarts = encode(image, {.restart = 2}).stream;
  const std::size_t marker = as_text(restarts).find("\xFF\xD1");
  ASSERT_NE(marker, std::string_view::npos);
  restarts[marker + 1] = 0xD5;  // out of order
  EXPECT_FALSE(decode_baseline_planes(restarts, {}, 80, 60, target, 0, 0));

  for (std::size_t at = 0; at < plain.size(); at += 3) {  // no byte, whatever it says, does harm
    for (const int value : {0x00, 0xFF, 0x7F, int{plain[at]} ^ 0x10}) {
      Bytes bad = plain;
      bad[at] = static_cast<std::uint8_t>(value);
      (void)decode_baseline_planes(bad, {}, 80, 60, target, 0, 0);
    }
  }
}

// No coefficient of 8 bits has more than ten: two codes with more would not fit into the window that is filled for
// two.
TEST(JpegBaseline, NumbersTooLongForTheWindowAreLeftToLibjpeg) {
  const Bytes good = encode(rgb(80, 60, true), {}).stream;
  Bytes stream = {0xFF, 0xD8};
  for (std::size_t at = 2; good[at + 1] != 0xDA;) {
    const std::size_t length = 2 + (std::size_t{good[at + 2]} << 8 | good[at + 3]);
    if (good[at + 1] == 0xC4 && good[at + 4] >> 4 == 1) {
      Bytes counts(16, 0);  // one code, of sixteen bits, for a number of fifteen
      counts[15] = 1;
      JpegSegmentWriter(stream, 0xC4).byte(good[at + 4]).bytes(counts).byte(0x0F);
    } else {
      stream.insert(stream.end(), good.begin() + static_cast<std::ptrdiff_t>(at),
                    good.begin() + static_cast<std::ptrdiff_t>(at + length));
    }
    at += length;
  }
  const auto scan = good.begin() + static_cast<std::ptrdiff_t>(inspect_jpeg(good).value().scan_offset);
  stream.insert(stream.end(), scan - 14, scan);  // SOS
  stream.resize(stream.size() + 20'000);         // nothing but the first code
  auto target = canvas(80, 60, {});
  EXPECT_FALSE(decode_baseline_planes(stream, {}, 80, 60, target, 0, 0));
}

}  // namespace
}  // namespace microtome::codec
