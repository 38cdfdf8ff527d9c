// SPDX-License-Identifier: Apache-2.0
#include "engine/admission.hpp"

#include <utility>
#include <vector>

namespace microtome::engine {

bool Admission::enter(std::uint64_t bytes, WorkClass work, const CancelToken& cancel, WorkPool::Job job) {
  const std::lock_guard lock(mutex_);
  const bool fits = used_ + bytes <= max_bytes_;
  if (fits && (parked_.empty() || overtaken_ < kMostOvertaken)) {
    overtaken_ += parked_.empty() ? 0 : 1;
    used_ += bytes;
    return true;
  }
  parked_.push_back({bytes, work, cancel, std::move(job)});
  return false;
}

void Admission::leave(std::uint64_t bytes) {
  std::vector<Parked> ready;
  {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    while (!parked_.empty() && used_ + parked_.front().bytes <= max_bytes_) {
      used_ += parked_.front().bytes;
      overtaken_ = 0;
      ready.push_back(std::move(parked_.front()));
      parked_.pop_front();
    }
  }
  for (auto& next : ready) {
    pool_.put_back(next.work, std::move(next.cancel), std::move(next.job));
  }
}

std::uint64_t Admission::in_flight() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::size_t Admission::parked() const {
  const std::lock_guard lock(mutex_);
  return parked_.size();
}

}  // namespace microtome::engine
