// SPDX-License-Identifier: Apache-2.0
// What a request for a section costs, from the opened object to the encoded picture: 512³ unsigned bytes, intervals
// and tiled. Figures and those of the old server: docs/performance.md.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "io/scratch_dir.hpp"
#include "woolz/query.hpp"
#include "woolz/writer.hpp"

namespace microtome::woolz {
namespace {

constexpr std::int64_t kSide = 512;

// Nested shells with a little noise: about as hard to compress as a stained slice.
std::uint8_t voxel(std::int64_t x, std::int64_t y, std::int64_t z) {
  const auto d =
      static_cast<std::uint32_t>((x - 256) * (x - 256) + (y - 250) * (y - 250) * 2 + (z - 240) * (z - 240));
  const auto hash = static_cast<std::uint32_t>(x * 73856093 ^ y * 19349663 ^ z * 83492791) * 2654435761U;
  return static_cast<std::uint8_t>(d / 600 + (hash >> 29));
}

struct World {
  World() : path{scratch.path("intervals.wlz"), scratch.path("tiled.wlz")} {
    for (const bool tiled : {false, true}) {
      std::ofstream file(path[tiled ? 1 : 0], std::ios::binary);
      Writer writer([&](ByteView bytes) -> Result<void> {
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return {};
      });
      VolumeDescription d;
      d.box = {0, 0, 0, kSide - 1, kSide - 1, kSide - 1};
      d.tiled = tiled;
      auto wrote = writer.volume(d, [](std::int64_t z) -> Result<PlaneData> {
        PlaneData data;
        data.values.reserve(kSide * kSide);
        for (std::int64_t y = 0; y < kSide; ++y) {
          for (std::int64_t x = 0; x < kSide; ++x) {
            data.values.push_back(voxel(x, y, z));
          }
        }
        return data;
      });
      if (!wrote) {
        std::abort();
      }
    }
  }
  [[nodiscard]] ObjectPtr open(bool tiled) const {
    auto file = io::File::open(path[tiled ? 1 : 0]);
    auto object = open_object(*file, {});
    return object ? *object : nullptr;
  }
  io::ScratchDir scratch;
  std::array<std::string, 2> path;
};

World& world() {
  static World w;
  return w;
}

// Own resident memory without mapped files, in bytes.
double own_memory() {
  std::ifstream in("/proc/self/statm");
  double total = 0;
  double resident = 0;
  double shared = 0;
  in >> total >> resident >> shared;
  return (resident - shared) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

enum class Way { axial, oblique, random };

View view_of(Way way, std::mt19937& random, double turn) {
  std::uniform_real_distribution<double> unit(0, 1);
  View view;
  view.mode = Mode::zeta;
  view.fixed = {256, 256, 256};
  switch (way) {
    case Way::axial:
      view.distance = turn;
      break;
    case Way::oblique:
      view.pitch = 40;
      view.yaw = 30;
      view.roll = 20;
      view.distance = turn;
      break;
    case Way::random:
      view.pitch = 180 * unit(random);
      view.yaw = 360 * unit(random);
      view.roll = 360 * unit(random);
      view.distance = 200 * unit(random) - 100;
      break;
  }
  return view;
}

enum class Format { none, jpeg, png };

// A tile of `side` pixels in the middle of the section; 0: all of it.
void cut(benchmark::State& state, bool tiled, Way way, std::int64_t side, Format format) {
  const ObjectPtr object = world().open(tiled);
  std::mt19937 random(1);
  std::int64_t turn = 0;
  std::int64_t bytes = 0;
  for (auto _ : state) {
    Request request;
    request.view = view_of(way, random, static_cast<double>(turn++ % 200 - 100));
    auto scene = scene_of(*object, request, {}, {});
    const Frame& f = scene->frame;
    pixel::Rect rect{0, 0, f.width(), f.height()};
    if (side > 0) {
      rect = {(f.width() - side) / 2, (f.height() - side) / 2, side, side};
    }
    auto image = render(*scene, rect, format == Format::png, {});
    if (format == Format::jpeg) {
      bytes += static_cast<std::int64_t>(codec::encode_jpeg(*image)->size());
    } else if (format == Format::png) {
      bytes += static_cast<std::int64_t>(codec::encode_png(*image)->size());
    }
    benchmark::DoNotOptimize(image->data.data());
  }
  state.counters["bytes"] = static_cast<double>(bytes) / static_cast<double>(state.iterations());
}

void first_open(benchmark::State& state) {
  (void)world();
  for (auto _ : state) {
    state.PauseTiming();
    unlink(sidecar_path(world().path[0], {}).c_str());
    state.ResumeTiming();
    benchmark::DoNotOptimize(world().open(false));
  }
}

// As after a restart: open by the sidecar, then a tile.
void second_open(benchmark::State& state) {
  (void)world().open(false);
  const double before = own_memory();
  double own = 0;
  for (auto _ : state) {
    const ObjectPtr object = world().open(false);
    std::mt19937 random(1);
    Request request;
    request.view = view_of(Way::oblique, random, 0);
    auto scene = scene_of(*object, request, {}, {});
    auto image = render(*scene, {300, 300, 100, 100}, false, {});
    benchmark::DoNotOptimize(image->data.data());
    own = own_memory() - before;
  }
  state.counters["own_bytes"] = own;
}

#define CUT(name, ...) BENCHMARK_CAPTURE(cut, name, __VA_ARGS__)->Unit(benchmark::kMillisecond)
CUT(jpeg_100_axial, false, Way::axial, 100, Format::jpeg);
CUT(jpeg_100_oblique, false, Way::oblique, 100, Format::jpeg);
CUT(jpeg_100_random, false, Way::random, 100, Format::jpeg);
CUT(jpeg_100_random_tiled, true, Way::random, 100, Format::jpeg);
CUT(jpeg_512_axial, false, Way::axial, 512, Format::jpeg);
CUT(jpeg_512_oblique, false, Way::oblique, 512, Format::jpeg);
CUT(jpeg_512_random, false, Way::random, 512, Format::jpeg);
CUT(jpeg_512_random_tiled, true, Way::random, 512, Format::jpeg);
CUT(pixels_512_random, false, Way::random, 512, Format::none);
CUT(pixels_512_random_tiled, true, Way::random, 512, Format::none);
CUT(png_alpha_512_oblique, false, Way::oblique, 512, Format::png);
CUT(jpeg_whole_oblique, false, Way::oblique, 0, Format::jpeg);
BENCHMARK(first_open)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(second_open)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace microtome::woolz
