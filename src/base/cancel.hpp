// SPDX-License-Identifier: Apache-2.0
// CancelToken: says that nobody waits for the result any more (client gone, FastCGI ABORT, deadline passed).
// Work checks it before it starts and between tiles or strips. Thread-safe; copies share the state.
#pragma once

#include <atomic>
#include <memory>

namespace microtome {

class CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  [[nodiscard]] bool cancelled() const { return flag_->load(std::memory_order_relaxed); }
  void cancel() const { flag_->store(true, std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace microtome
