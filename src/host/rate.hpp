// SPDX-License-Identifier: Apache-2.0
// Rate: how many bytes may be sent now, where bandwidth is limited (connection.kbytes-per-second and
// server.kbytes-per-second). Loop thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace microtome::host {

class Rate {
 public:
  using Clock = std::chrono::steady_clock;
  // `bytes_per_second` > 0. What was not used is kept for a quarter of a second.
  Rate(std::uint64_t bytes_per_second, Clock::time_point now);

  // 0: wait() first. Never so few that a packet is not worth it.
  [[nodiscard]] std::size_t allowed(Clock::time_point now);
  // Sent, perhaps more than allowed(): later ones wait for it.
  void spend(std::size_t bytes) { tokens_ -= static_cast<double>(bytes); }
  // Until allowed() is not 0.
  [[nodiscard]] Clock::duration wait() const;
  [[nodiscard]] std::uint64_t bytes_per_second() const { return static_cast<std::uint64_t>(rate_); }

 private:
  double rate_;
  double most_;   // kept
  double least_;  // sent at a time
  double tokens_;
  Clock::time_point at_;
};

}  // namespace microtome::host
