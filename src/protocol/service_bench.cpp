// SPDX-License-Identifier: Apache-2.0
// What routing, parsing, looking up and answering cost around an answer that the engine has in its cache.
#include <benchmark/benchmark.h>

#include "io/scratch_dir.hpp"
#include "protocol/gradient.hpp"
#include "protocol/protocol.hpp"
#include "protocol/stack.hpp"

namespace microtome::protocol {
namespace {

class CountingExchange final : public http::Exchange {
 public:
  explicit CountingExchange(http::Request request) : request_(std::move(request)) {}
  [[nodiscard]] const http::Request& request() const override { return request_; }
  [[nodiscard]] const CancelToken& cancel() const override { return cancel_; }
  void respond(http::Response response) override {
    response_ = std::move(response);
    done_.store(true, std::memory_order_release);
    done_.notify_all();
  }
  int wait() {
    done_.wait(false, std::memory_order_acquire);
    return response_.status;
  }

 private:
  http::Request request_;
  CancelToken cancel_;
  std::atomic<bool> done_ = false;
  http::Response response_;
};

struct World {
  io::ScratchDir dir;
  WorkPool pool{{.threads = 2}};
  http::Handler handler;
  World() {
    for (int i = 1; i <= 100; ++i) {
      dir.write("eye/s" + std::to_string(i) + ".tif", "4000x3000 256");
    }
    ServiceOptions options;
    options.roots.directories = {dir.path()};
    options.catalogue.rescan_ms = 3'600'000;
    engine::EngineOptions engine_options;
    engine_options.revalidate_ms = 3'600'000;
    handler =
        make_service(options, engine::make_engine(engine_options, pool, {}, gradient_world()), pool, Log()).value();
  }
};

void ask(benchmark::State& state, const char* path, const char* query) {
  World world;
  http::Request request;
  request.path = path;
  request.query = query;
  request.headers.add("User-Agent", "bench");
  request.headers.add("Accept-Encoding", "gzip, br");
  const auto once = [&] {
    auto exchange = std::make_shared<CountingExchange>(request);
    world.handler(exchange);
    return exchange->wait();
  };
  (void)once();
  if (once() != 200) {
    state.SkipWithError("not answered");
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(once());
  }
}

BENCHMARK_CAPTURE(ask, deepzoom_tile, "/dz/eye/41_files/12/3_4.jpg", "v=0");
BENCHMARK_CAPTURE(ask, deepzoom_tile_by_path, "/dz/eye/s41.tif_files/12/3_4.jpg", "");
BENCHMARK_CAPTURE(ask, iip_tile, "/", "FIF=eye/s41.tif&JTL=4,20");
BENCHMARK_CAPTURE(ask, view, "/sets/eye/view", "slice=41&x=0&y=0&w=2000&h=1500&W=400&H=300&v=0");
BENCHMARK_CAPTURE(ask, strip, "/sets/eye/strip", "from=1&count=16");
BENCHMARK_CAPTURE(ask, stack, "/sets/eye/stack.json", "");
BENCHMARK_CAPTURE(ask, health, "/healthz", "");

void stack_of_five_thousand(benchmark::State& state) {
  set::Set set;
  set.name = "S2897L";
  for (int i = 1; i <= 5000; ++i) {
    set::Slice slice;
    slice.number = i;
    slice.name = "S2897L_pyr_" + std::to_string(10'000 + i).substr(1);
    slice.id = "S2897L/" + std::to_string(i);
    slice.width = 4000;
    slice.height = 3000;
    slice.z_um = 5.0 * i;
    set.slices.push_back(std::move(slice));
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(stack_json(set));
  }
}
BENCHMARK(stack_of_five_thousand)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace microtome::protocol
