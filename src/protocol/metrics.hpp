// SPDX-License-Identifier: Apache-2.0
// GET /metrics: what the service and its engine have done and hold now, and what has gone out (protocol/traffic.hpp),
// in the text format of Prometheus (0.0.4).
#pragma once

#include <cstdint>
#include <string>

#include "engine/engine.hpp"
#include "protocol/call.hpp"

namespace microtome::protocol {

// What the service counts itself.
struct ServiceNumbers {
  double uptime_seconds = 0;
  std::int64_t requests = 0;
  std::int64_t client_errors = 0;
  std::int64_t server_errors = 0;
  std::int64_t not_modified = 0;
  int threads = 0;               // of the pool
  std::uint64_t woolz_kept = 0;  // objects, selections and pyramids of Woolz that are kept
  std::uint64_t woolz_bytes = 0;
};

// Without the traffic. Pure.
[[nodiscard]] std::string write_metrics(const ServiceNumbers& service, const engine::Metrics& engine);

void answer_metrics(const Call& call);

}  // namespace microtome::protocol
