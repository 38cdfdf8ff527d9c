// SPDX-License-Identifier: Apache-2.0
// Traffic: what has gone out, counted by protocol, plan and status, with a histogram of the time it took.
// Thread-safe; add() is a handful of relaxed additions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/metrics.hpp"
#include "http/served.hpp"

namespace microtome::protocol {

// The last of each stands for whatever has no name of its own.
inline constexpr std::array<std::string_view, 9> kProtocols{"iip",  "woolz",  "iiif",   "deepzoom", "zoomify",
                                                            "sets", "viewer", "status", "other"};
inline constexpr std::array<std::string_view, 10> kPlans{"passthrough", "dct_crop", "background", "region",
                                                         "cached",      "computed", "streamed",   "scaled_decode",
                                                         "full_decode", "none"};
// Upper bounds in microseconds; beyond the last there is +Inf.
inline constexpr std::array<std::int64_t, 15> kBounds{100,     250,     500,       1000,      2500,
                                                      5000,    10'000,  25'000,    50'000,    100'000,
                                                      250'000, 500'000, 1'000'000, 2'500'000, 10'000'000};

class Traffic {
 public:
  void add(const http::Served& served);

  // In the text format of Prometheus.
  [[nodiscard]] std::string write() const;

 private:
  static constexpr std::size_t kClasses = 5;  // 1xx to 5xx
  struct ByProtocol {
    std::array<Counter, kPlans.size()> plans;
    std::array<Counter, kClasses> classes;
    std::array<Counter, kBounds.size() + 1> latency;
    Counter total_us;
    Counter plan_us;
    Counter queue_us;
    Counter work_us;
    Counter send_us;
    Counter bytes;
    Counter cut;
  };
  std::array<ByProtocol, kProtocols.size()> protocols_;
};

}  // namespace microtome::protocol
