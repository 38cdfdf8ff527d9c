// SPDX-License-Identifier: Apache-2.0
// What opening and tiles cost, on a pyramid whose bottom level has 131072 tiles. CPU time; everything in the page
// cache.
#include <benchmark/benchmark.h>
#include <tiffio.h>

#include <cstdlib>
#include <random>
#include <string>

#include "codec/jpeg.hpp"
#include "image/picture.hpp"
#include "image/tiff_bytes_for_test.hpp"
#include "io/scratch_dir.hpp"

namespace {

using namespace microtome;

constexpr int kTile = 256;

pixel::Image tile_image() {
  pixel::Image image = pixel::Image::make(kTile, kTile, 3, pixel::Colour::rgb);
  std::mt19937 random(1);
  for (int y = 0; y < kTile; ++y) {
    for (int x = 0; x < kTile * 3; ++x) {
      image.row(y)[x] = static_cast<std::uint8_t>(x / 4 + y / 3 + random() % 24);
    }
  }
  return image;
}

// Ten levels of one JPEG tile over and over, but with true arrays of offsets.
std::string huge_pyramid(const io::ScratchDir& scratch) {
  image::test::Layout layout(false, true);
  const Bytes tile = *codec::encode_jpeg(tile_image(), {.quality = 80});
  const std::uint64_t at = layout.add(tile);
  for (std::uint64_t level = 0; level < 10; ++level) {
    const std::uint64_t across = std::max<std::uint64_t>(1, 512 >> level);
    const std::uint64_t down = std::max<std::uint64_t>(1, 256 >> level);
    layout.add_directory({{254, 4, {level > 0}},
                          {256, 4, {across * kTile}},
                          {257, 4, {down * kTile}},
                          {258, 3, {8, 8, 8}},
                          {259, 3, {7}},
                          {262, 3, {6}},
                          {277, 3, {3}},
                          {322, 3, {kTile}},
                          {323, 3, {kTile}},
                          {324, 16, std::vector<std::uint64_t>(across * down, at)},
                          {325, 16, std::vector<std::uint64_t>(across * down, tile.size())}});
  }
  return scratch.write("huge.tif", layout.bytes());
}

struct Huge {
  io::ScratchDir scratch;
  std::string path = huge_pyramid(scratch);
  io::FilePtr file = *io::File::open(path);
  image::PicturePtr picture = *image::open_picture(file, {});
};

void open_pyramid(benchmark::State& state) {
  const Huge huge;
  for ([[maybe_unused]] auto _ : state) {
    auto file = io::File::open(huge.path);
    benchmark::DoNotOptimize(image::open_picture(*file, {}));
  }
}
BENCHMARK(open_pyramid)->Unit(benchmark::kMicrosecond);

void open_pyramid_by_libtiff(benchmark::State& state) {
  const Huge huge;
  for ([[maybe_unused]] auto _ : state) {
    TIFF* tiff = TIFFOpen(huge.path.c_str(), "r");
    while (TIFFReadDirectory(tiff) != 0) {
    }
    TIFFClose(tiff);
  }
}
BENCHMARK(open_pyramid_by_libtiff)->Unit(benchmark::kMicrosecond);

void stored_tile_random(benchmark::State& state) {
  const Huge huge;
  std::mt19937 random(2);
  for ([[maybe_unused]] auto _ : state) {
    const auto tile = huge.picture->stored_tile(0, random() % 512, random() % 256, false);
    if (!tile || !*tile || (*tile)->stored != image::Stored::jpeg) {
      std::abort();
    }
    benchmark::DoNotOptimize(tile);
  }
  state.counters["memory"] = static_cast<double>(huge.picture->memory());
}
BENCHMARK(stored_tile_random);

void stored_tile_same_row(benchmark::State& state) {
  const Huge huge;
  std::int64_t x = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(huge.picture->stored_tile(0, x = (x + 1) % 512, 7, false));
  }
}
BENCHMARK(stored_tile_same_row);

void resident_tile(benchmark::State& state) {
  const Huge huge;
  const auto tile = huge.picture->stored_tile(0, 5, 5, true);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(huge.file->resident((*tile)->range.offset, (*tile)->range.length));
  }
  state.counters["bytes"] = static_cast<double>((*tile)->range.length);
}
BENCHMARK(resident_tile);

void decode_jpeg_tile(benchmark::State& state) {
  const Huge huge;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(huge.picture->decode_tile(0, 100, 100, {}));
  }
}
BENCHMARK(decode_jpeg_tile)->Unit(benchmark::kMicrosecond);

void decode_region_1067x800(benchmark::State& state) {
  const Huge huge;
  for ([[maybe_unused]] auto _ : state) {
    int reduction = static_cast<int>(state.range(0));
    benchmark::DoNotOptimize(
        huge.picture->decode_region(0, {8, 8, 1067 * reduction, 800 * reduction}, &reduction, {}));
  }
}
BENCHMARK(decode_region_1067x800)->Arg(1)->Arg(2)->Arg(4)->Unit(benchmark::kMillisecond);

}  // namespace
