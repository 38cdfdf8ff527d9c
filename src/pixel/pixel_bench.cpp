// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <cmath>

#include "pixel/affine.hpp"
#include "pixel/convert.hpp"
#include "pixel/scale.hpp"

namespace microtome::pixel {
namespace {

Image waves(int width, int height, int channels, Colour colour) {
  Image image = Image::make(width, height, channels, colour);
  for (std::size_t i = 0; i < image.data.size(); ++i) {
    image.data[i] = static_cast<std::uint8_t>(i * i >> 7);
  }
  return image;
}

void ScaleView(benchmark::State& state) {
  const Image image = waves(4000, 3000, static_cast<int>(state.range(0)), Colour::multi);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(scale(image, 1067, 800));
  }
}
BENCHMARK(ScaleView)->Arg(1)->Arg(3)->Arg(4)->Unit(benchmark::kMillisecond);

void ScaleHalfLevel(benchmark::State& state) {
  const Image image = waves(2000, 1500, 3, Colour::rgb);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(scale(image, 1067, 800));
  }
}
BENCHMARK(ScaleHalfLevel)->Unit(benchmark::kMillisecond);

void Enlarge(benchmark::State& state) {
  const Image image = waves(400, 300, 3, Colour::rgb);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(scale(image, 1067, 800));
  }
}
BENCHMARK(Enlarge)->Unit(benchmark::kMillisecond);

void ScaleClearRgba(benchmark::State& state) {
  Image image = waves(2000, 1500, 4, Colour::rgba);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(scale(image, 1067, 800));
  }
}
BENCHMARK(ScaleClearRgba)->Unit(benchmark::kMillisecond);

void Shrink2(benchmark::State& state) {
  const Image image = waves(256, 256, static_cast<int>(state.range(0)), Colour::multi);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(shrink2(image));
  }
}
BENCHMARK(Shrink2)->Arg(1)->Arg(3)->Arg(4)->Unit(benchmark::kMicrosecond);

void ToRgba(benchmark::State& state) {
  const Image image = waves(256, 256, 3, Colour::rgb);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(to_rgba(image));
  }
}
BENCHMARK(ToRgba)->Unit(benchmark::kMicrosecond);

void WarpAffine(benchmark::State& state) {
  const Image image = waves(400, 400, 3, Colour::rgb);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(warp_affine(image, {0.9, 0.1, 20, -0.1, 0.9, 60}, 256, 256));
  }
}
BENCHMARK(WarpAffine)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace microtome::pixel
