// SPDX-License-Identifier: Apache-2.0
#include "host/rate.hpp"

#include <algorithm>

namespace microtome::host {
namespace {

constexpr double kKept = 0.25;            // seconds
constexpr double kWorthIt = 16.0 * 1024;  // bytes that are sent at a time, where the rate allows that often

}  // namespace

Rate::Rate(std::uint64_t bytes_per_second, Clock::time_point now)
    : rate_(static_cast<double>(bytes_per_second)),
      most_(std::max(rate_ * kKept, 1.0)),
      least_(std::min(most_, kWorthIt)),
      tokens_(most_),
      at_(now) {}

std::size_t Rate::allowed(Clock::time_point now) {
  const double passed = std::chrono::duration<double>(now - at_).count();
  if (passed > 0) {
    tokens_ = std::min(most_, tokens_ + passed * rate_);
    at_ = now;
  }
  constexpr double kRounding = 0.5;  // bytes
  return tokens_ + kRounding < least_ ? 0 : static_cast<std::size_t>(std::max(tokens_, least_));
}

Rate::Clock::duration Rate::wait() const {
  const std::chrono::duration<double> left(std::max(0.0, (least_ - tokens_) / rate_));
  return std::chrono::ceil<std::chrono::milliseconds>(left);
}

}  // namespace microtome::host
