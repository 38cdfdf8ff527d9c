// SPDX-License-Identifier: Apache-2.0
// For tests of the whole engine: one over a FakeWorld, and calls that wait for the answer.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "engine/fake_world.hpp"

namespace microtome::engine {

class EngineFixture : public testing::Test {
 protected:
  void start(const EngineOptions& options = {}, WorkPoolOptions pool = {.threads = 2}) {
    pool_ = std::make_unique<WorkPool>(pool);
    engine_ = make_engine(options, *pool_, {}, world_.world());
  }
  ~EngineFixture() override { pool_.reset(); }  // jobs first: they refer to what the test holds

  static Engine::Resolve ask(PixelRequest request) {
    return [request](const image::Picture&) { return Result<PixelRequest>(request); };
  }
  static PixelRequest tile(int level, std::int64_t x, std::int64_t y) {
    return {{}, TileArea{level, x, y}, codec::Format::jpeg, std::nullopt};
  }
  static PixelRequest region(double x, double y, double width, double height, int out_width, int out_height) {
    return {{}, RegionArea{x, y, width, height, out_width, out_height}, codec::Format::jpeg, std::nullopt};
  }

  std::future<Result<Rendered>> begin(const std::string& path, const PixelRequest& request,
                                      const CancelToken& cancel = {}, const std::string& if_none_match = {}) {
    auto promise = std::make_shared<std::promise<Result<Rendered>>>();
    engine_->render(path, ask(request), if_none_match, cancel,
                    [promise](Result<Rendered> result) { promise->set_value(std::move(result)); });
    return promise->get_future();
  }
  Result<Rendered> render(const std::string& path, const PixelRequest& request,
                          const std::string& if_none_match = {}) {
    return begin(path, request, {}, if_none_match).get();
  }
  static bool ready(const std::future<Result<Rendered>>& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  static SharedBytes bytes_of(const Result<Rendered>& rendered) {
    const auto* bytes = rendered ? std::get_if<SharedBytes>(&rendered->body) : nullptr;
    return bytes != nullptr ? *bytes : nullptr;
  }
  // Fills all workers until the gate opens.
  void hold_workers(const Gate& gate) {
    const auto held = std::make_shared<std::atomic<int>>(0);
    for (int i = 0; i < pool_->threads(); ++i) {
      ASSERT_TRUE(pool_->submit(WorkClass::tile, {}, [held, gate](bool) {
        ++*held;
        gate.wait();
      }));
    }
    while (*held < pool_->threads()) {
      std::this_thread::yield();
    }
  }

  FakeWorld world_;
  std::unique_ptr<WorkPool> pool_;
  std::shared_ptr<Engine> engine_;
};

}  // namespace microtome::engine
