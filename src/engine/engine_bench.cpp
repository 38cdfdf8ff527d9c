// SPDX-License-Identifier: Apache-2.0
// What the engine itself costs: handing on a stored tile, finding a kept answer, and one view of a slice.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <future>
#include <utility>

#include "engine/engine.hpp"
#include "engine/pictures_for_bench.hpp"
#include "engine/plan.hpp"
#include "engine/render.hpp"
#include "engine/result_cache.hpp"
#include "engine/world.hpp"

namespace microtome::engine {
namespace {

// The files are made once, not once for each benchmark.
struct Slices {
  io::ScratchDir scratch;
  std::string jpeg;
  std::string pyramid;
  Slices() {
    const pixel::Image image = bench::slice(4000, 3000);
    jpeg = bench::write_jpeg(scratch, image);
    pyramid = bench::write_pyramid(scratch, image);
  }
};
const Slices& slices() {
  static const Slices made;
  return made;
}

// render() of a stored tile, from the path to the FileBody.
void Passthrough(benchmark::State& state) {
  WorkPool pool({.threads = 1});
  const auto engine = make_engine({}, pool, {});
  const std::string path = slices().pyramid;
  if (!engine->open_now(path)) {
    std::abort();
  }
  std::int64_t tile = 0;
  const Engine::Resolve resolve = [&](const image::Picture&) -> Result<PixelRequest> {
    tile = (tile + 7) % 150;
    return PixelRequest{path, TileArea{0, tile % 15, tile / 15}, codec::Format::jpeg, std::nullopt};
  };
  const std::string no_condition;
  const CancelToken cancel;
  for ([[maybe_unused]] const auto _ : state) {
    bool passed = false;
    engine->render(path, resolve, no_condition, cancel, [&](Result<Rendered> rendered) {
      passed = rendered && std::holds_alternative<http::FileBody>(rendered->body);
    });
    if (!passed) {
      state.SkipWithError("not passed through");
    }
  }
}
BENCHMARK(Passthrough);

// render() of an edge tile that is in the cache.
void CacheHit(benchmark::State& state) {
  WorkPool pool({.threads = 1});
  const auto engine = make_engine({}, pool, {});
  const std::string path = slices().pyramid;
  const Engine::Resolve resolve = [&](const image::Picture&) -> Result<PixelRequest> {
    return PixelRequest{path, TileArea{0, 15, 3}, codec::Format::jpeg, std::nullopt};
  };
  std::promise<void> made;
  engine->render(path, resolve, {}, {}, [&](const Result<Rendered>&) { made.set_value(); });
  made.get_future().wait();
  for ([[maybe_unused]] const auto _ : state) {
    bool hit = false;
    engine->render(path, resolve, {}, {}, [&](Result<Rendered> rendered) {
      hit = rendered && std::holds_alternative<SharedBytes>(rendered->body);
    });
    if (!hit) {
      state.SkipWithError("not in the cache");
    }
  }
}
BENCHMARK(CacheHit);

// A view of 1067 x 800 pixels of a whole slice that was just opened: open, decode, scale, encode.
void view(benchmark::State& state, const std::string& path, const RegionArea& area) {
  const World world = real_world({});
  std::size_t bytes = 0;
  for ([[maybe_unused]] const auto _ : state) {
    const auto picture = world.open(path);
    const auto plan = plan_area((*picture)->info(), area, codec::Format::jpeg);
    const auto view = render_area(**picture, area, plan->region, {codec::Format::jpeg, 75, {}}, {});
    if (!view) {
      state.SkipWithError(view.error().message.c_str());
      break;
    }
    bytes = view->size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
void ViewOfPyramid(benchmark::State& state) {
  view(state, slices().pyramid, {0, 0, 4000, 3000, 1067, 800});
}
void ViewOfPlainJpeg(benchmark::State& state) {
  view(state, slices().jpeg, {0, 0, 4000, 3000, 1067, 800});
}
void ViewOneToOne(benchmark::State& state) {
  view(state, slices().pyramid, {1333, 1001, 1067, 800, 1067, 800});
}
void Thumbnail(benchmark::State& state) {
  view(state, slices().pyramid, {0, 0, 4000, 3000, 160, 120});
}
BENCHMARK(ViewOfPyramid)->Unit(benchmark::kMillisecond);
BENCHMARK(ViewOfPlainJpeg)->Unit(benchmark::kMillisecond);
BENCHMARK(ViewOneToOne)->Unit(benchmark::kMillisecond);
BENCHMARK(Thumbnail)->Unit(benchmark::kMillisecond);

// The steps of ViewOfPyramid.
void ViewDecode(benchmark::State& state) {
  const auto picture = real_world({}).open(slices().pyramid);
  for ([[maybe_unused]] const auto _ : state) {
    int reduction = 1;
    benchmark::DoNotOptimize((*picture)->decode_region(1, {0, 0, 2000, 1500}, &reduction, {}));
  }
}
void ViewScale(benchmark::State& state) {
  const pixel::Image level = bench::slice(2000, 1500);
  for ([[maybe_unused]] const auto _ : state) {
    benchmark::DoNotOptimize(pixel::scale(level, 1067, 800));
  }
}
void ViewEncode(benchmark::State& state) {
  const pixel::Image shown = bench::slice(1067, 800);
  for ([[maybe_unused]] const auto _ : state) {
    benchmark::DoNotOptimize(codec::encode_jpeg(shown, {.quality = 75}));
  }
}
BENCHMARK(ViewDecode)->Unit(benchmark::kMillisecond);
BENCHMARK(ViewScale)->Unit(benchmark::kMillisecond);
BENCHMARK(ViewEncode)->Unit(benchmark::kMillisecond);

// Hit ratio of the two policies where 60,000 entries compete for room for 4,000; every fourth request is part of a
// scan.
void HitRatio(benchmark::State& state, const ResultCache::MakePolicy& policy) {
  const auto answer = std::make_shared<const Answer>(Answer{std::make_shared<const Bytes>(10'000), "image/jpeg"});
  double ratio = 0;
  for ([[maybe_unused]] const auto _ : state) {
    ResultCache cache(4000 * ResultCache::charge(*answer), 1, policy);
    std::uint64_t random = 88172645463325252ULL;
    std::uint64_t scan = 1'000'000;
    for (int i = 0; i < 400'000; ++i) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      const double uniform = static_cast<double>(random >> 11) / 9007199254740992.0;
      const auto popular = static_cast<std::uint64_t>(60'000 * uniform * uniform * uniform);
      const std::uint64_t number = i % 4 == 0 ? ++scan : popular;
      const Key key{number * 0x9e3779b97f4a7c15ULL, number};
      if (cache.find(key) == nullptr) {
        cache.put(key, answer, 1000);
      }
    }
    ratio = static_cast<double>(cache.hits()) / 400'000;
  }
  state.counters["hits"] = ratio;
}
BENCHMARK_CAPTURE(HitRatio, s3fifo, make_s3fifo)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK_CAPTURE(HitRatio, lru, [](std::size_t) { return make_lru(); })
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
}  // namespace microtome::engine
