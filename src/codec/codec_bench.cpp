// SPDX-License-Identifier: Apache-2.0
// Costs of one tile. The picture is a piece of a real slide (tests/fixtures/codec), grown to the size asked for.
#include <benchmark/benchmark.h>
#include <png.h>

#include <cstdlib>

#include "codec/encode.hpp"
#include "codec/jpeg.hpp"
#include "codec/jpeg_handle.hpp"
#include "codec/jpeg_planes.hpp"
#include "codec/libjpeg_for_test.hpp"
#include "codec/picture_for_test.hpp"
#include "codec/png.hpp"
#include "codec/webp.hpp"
#include "pixel/blit.hpp"
#include "pixel/scale.hpp"

namespace microtome::codec {
namespace {

using test::fixture;

pixel::Image slide(int width, int height) {
  const Bytes tables = fixture("aperio_tables.bin");
  const auto tile = decode_jpeg(fixture("aperio_tile.bin"), {.rgb_coded = true, .tables = tables});
  if (!tile) {  // started elsewhere than at the top of the project
    std::abort();
  }
  pixel::Image image = pixel::Image::make(width, height, 3, pixel::Colour::rgb);
  for (int y = 0; y < height; y += tile->height) {
    for (int x = 0; x < width; x += tile->width) {
      pixel::paste(image, *tile, x, y);
    }
  }
  return image;
}

void Splice(benchmark::State& state) {
  const Bytes tables = fixture("aperio_tables.bin");
  const Bytes tile = fixture("aperio_tile.bin");
  const auto info = inspect_jpeg(tile, tables);
  while (state.KeepRunning()) {
    Bytes out = *build_prefix(*info, {.tables = tables, .rgb_coded = true});
    out.insert(out.end(), tile.begin() + 2, tile.end());
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(Splice);

void Inspect(benchmark::State& state) {
  const Bytes tables = fixture("aperio_tables.bin");
  const Bytes tile = fixture("aperio_tile.bin");
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(inspect_jpeg(tile, tables));
  }
}
BENCHMARK(Inspect);

void JpegDecode(benchmark::State& state) {
  const auto stream = encode_jpeg(slide(256, 256), {.quality = 75});
  const int scale = static_cast<int>(state.range(0));
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(decode_jpeg(*stream, {.scale_denominator = scale}));
  }
  state.counters["bytes"] = static_cast<double>(stream->size());
}
BENCHMARK(JpegDecode)->Arg(1)->Arg(2)->Arg(4)->Arg(8)->Unit(benchmark::kMicrosecond);

// A tile of 512x512 to RGB, by us and by the peer, libjpeg-turbo; the argument is the quality.
Bytes large_tile(int quality) {
  return *encode_jpeg(slide(512, 512), {.quality = quality, .subsampling = Subsampling::s420});
}

void JpegTile(benchmark::State& state) {
  const Bytes stream = large_tile(static_cast<int>(state.range(0)));
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(decode_jpeg(stream));
  }
  state.counters["bytes"] = static_cast<double>(stream.size());
}
BENCHMARK(JpegTile)->Arg(75)->Arg(85)->Arg(95)->Unit(benchmark::kMicrosecond);

void JpegTileLibjpeg(benchmark::State& state) {
  const Bytes stream = large_tile(static_cast<int>(state.range(0)));
  pixel::Image image = pixel::Image::make(512, 512, 3, pixel::Colour::rgb);
  while (state.KeepRunning()) {
    jpeg::Decompressor decoder;
    if (!decoder.open(jpeg::assemble(stream, {}).value(), false)) {
      state.SkipWithError("cannot be opened");
    }
    auto& handle = decoder.handle;
    const bool done = jpeg::run_guarded(decoder.trap, [&] {
      jpeg_start_decompress(&handle);
      while (handle.output_scanline < handle.output_height) {
        JSAMPROW row = image.row(static_cast<int>(handle.output_scanline));
        jpeg_read_scanlines(&handle, &row, 1);
      }
    });
    benchmark::DoNotOptimize(done);
  }
}
BENCHMARK(JpegTileLibjpeg)->Arg(75)->Arg(85)->Arg(95)->Unit(benchmark::kMicrosecond);

void JpegEncode(benchmark::State& state) {
  const pixel::Image image = slide(256, 256);
  std::size_t size = 0;
  while (state.KeepRunning()) {
    const auto stream = encode_jpeg(image, {.quality = static_cast<int>(state.range(0))});
    size = stream->size();
  }
  state.counters["bytes"] = static_cast<double>(size);
}
BENCHMARK(JpegEncode)->Arg(75)->Arg(90)->Unit(benchmark::kMicrosecond);

void JpegCrop(benchmark::State& state) {
  const auto stream = encode_jpeg(slide(256, 256), {.quality = 75});
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(crop_jpeg(*stream, 201, 137));
  }
}
BENCHMARK(JpegCrop)->Unit(benchmark::kMicrosecond);

void JpegRotate(benchmark::State& state) {
  const auto stream = encode_jpeg(slide(256, 256), {.quality = 75});
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(transform_jpeg(*stream, {.transform = JpegTransform::rotate90}));
  }
}
BENCHMARK(JpegRotate)->Unit(benchmark::kMicrosecond);

void JpegRegion(benchmark::State& state) {
  const auto stream = encode_jpeg(slide(4000, 3000), {.quality = 80});
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(decode_jpeg(*stream, {.region = pixel::Rect{1800, 400, 512, 512}}));
  }
}
BENCHMARK(JpegRegion)->Unit(benchmark::kMillisecond);

void PngEncode(benchmark::State& state) {
  const pixel::Image image = slide(256, 256);
  const auto filter = static_cast<PngFilter>(state.range(0));
  std::size_t size = 0;
  while (state.KeepRunning()) {
    size = encode_png(image, {.filter = filter})->size();
  }
  state.counters["bytes"] = static_cast<double>(size);
}
BENCHMARK(PngEncode)->Arg(int(PngFilter::sub))->Arg(int(PngFilter::adaptive))->Unit(benchmark::kMicrosecond);

// The peer: libpng as it comes.
void PngEncodeLibpng(benchmark::State& state) {
  const pixel::Image image = slide(256, 256);
  Bytes out(1 << 20);
  png_alloc_size_t size = 0;
  while (state.KeepRunning()) {
    png_image writer{};
    writer.version = PNG_IMAGE_VERSION;
    writer.width = 256;
    writer.height = 256;
    writer.format = PNG_FORMAT_RGB;
    size = out.size();
    png_image_write_to_memory(&writer, out.data(), &size, 0, image.data.data(), 0, nullptr);
  }
  state.counters["bytes"] = static_cast<double>(size);
}
BENCHMARK(PngEncodeLibpng)->Unit(benchmark::kMicrosecond);

void PngDecode(benchmark::State& state) {
  const auto stream = encode_png(slide(256, 256));
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(decode_png(*stream));
  }
}
BENCHMARK(PngDecode)->Unit(benchmark::kMicrosecond);

void WebpEncode(benchmark::State& state) {
  const pixel::Image image = slide(256, 256);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(encode_webp(image));
  }
}
BENCHMARK(WebpEncode)->Unit(benchmark::kMicrosecond);

// A whole view: a plain JPEG of 4000x3000 to 1067x800, decoded at half size first; and the part after decoding.
void ViewOfPlainJpeg(benchmark::State& state) {
  const auto stream = encode_jpeg(slide(4000, 3000), {.quality = 80});
  while (state.KeepRunning()) {
    const auto half = decode_jpeg(*stream, {.scale_denominator = 2});
    const auto view = pixel::scale(*half, 1067, 800);
    benchmark::DoNotOptimize(encode_jpeg(*view));
  }
}
BENCHMARK(ViewOfPlainJpeg)->Unit(benchmark::kMillisecond);

// The same from the next finer level of a pyramid, 2000x1500 in tiles of 256.
void ViewOfPyramid(benchmark::State& state) {
  const auto tile = encode_jpeg(slide(256, 256), {.quality = 80});
  while (state.KeepRunning()) {
    pixel::Image level = pixel::Image::make(2000, 1500, 3, pixel::Colour::rgb);
    for (int y = 0; y < level.height; y += 256) {
      for (int x = 0; x < level.width; x += 256) {
        pixel::paste(level, *decode_jpeg(*tile), x, y);
      }
    }
    const auto view = pixel::scale(level, 1067, 800);
    benchmark::DoNotOptimize(encode_jpeg(*view));
  }
}
BENCHMARK(ViewOfPyramid)->Unit(benchmark::kMillisecond);

void EncodeView(benchmark::State& state) {
  const pixel::Image image = slide(1067, 800);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(encode_jpeg(image));
  }
}
BENCHMARK(EncodeView)->Unit(benchmark::kMillisecond);

// A view in planes to JPEG, by us and by the peer, libjpeg-turbo; the argument is the quality.
pixel::Planes view_in_planes() {
  auto planes = pixel::Planes::make(1067, 800, 2, 2);
  const Bytes stream = *encode_jpeg(slide(1067, 800), {.quality = 95, .subsampling = Subsampling::s420});
  if (!decode_jpeg_planes(stream, {}, 1067, 800, planes, 0, 0).value_or(false)) {
    std::abort();
  }
  return planes;
}

void WriteView(benchmark::State& state) {
  const auto planes = view_in_planes();
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(encode_jpeg_planes(planes, {.quality = static_cast<int>(state.range(0))}));
  }
}
BENCHMARK(WriteView)->Arg(75)->Arg(85)->Arg(95)->Unit(benchmark::kMicrosecond);

void WriteViewLibjpeg(benchmark::State& state) {
  const auto planes = view_in_planes();
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(test::libjpeg_encode(planes, {.quality = static_cast<int>(state.range(0))}));
  }
}
BENCHMARK(WriteViewLibjpeg)->Arg(75)->Arg(85)->Arg(95)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace microtome::codec
