// SPDX-License-Identifier: Apache-2.0
// The engine's own counters. Thread-safe.
#pragma once

#include <array>

#include "base/metrics.hpp"
#include "engine/engine.hpp"
#include "engine/plan.hpp"

namespace microtome::engine {

struct Counters {
  std::array<Counter, 6> by_plan;
  Counter computed;
  Counter not_modified;
  Counter failed;
  Counter cancelled;
  Counter overloaded;

  Counter& of(How how) { return by_plan[static_cast<std::size_t>(how)]; }

  [[nodiscard]] Metrics snapshot() const {
    const auto made = [this](How how) { return by_plan[static_cast<std::size_t>(how)].value(); };
    Metrics metrics;
    metrics.passthrough = made(How::passthrough);
    metrics.dct_crop = made(How::dct_crop);
    metrics.background = made(How::background);
    metrics.scaled_decode = made(How::scaled_decode);
    metrics.full_decode = made(How::full_decode);
    metrics.region = made(How::region);
    metrics.computed = computed.value();
    metrics.not_modified = not_modified.value();
    metrics.failed = failed.value();
    metrics.cancelled = cancelled.value();
    metrics.overloaded = overloaded.value();
    return metrics;
  }
};

}  // namespace microtome::engine
