// SPDX-License-Identifier: Apache-2.0
// CancelToken: says that nobody waits for the result any more (client gone, FastCGI ABORT, deadline passed).
// Work checks it before it starts and between tiles or strips. Thread-safe; copies share the state.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

namespace microtome {

class CancelToken {
 public:
  CancelToken() : state_(std::make_shared<State>()) {}
  // A token that follows others: cancelled whenever `probe` says so (work shared by several clients is cancelled when
  // the last of them is). `probe` is called on any thread, often, and must be thread-safe and quick.
  static CancelToken following(std::function<bool()> probe) {
    CancelToken token;
    token.state_->probe = std::move(probe);
    return token;
  }

  [[nodiscard]] bool cancelled() const {
    return state_->flag.load(std::memory_order_relaxed) || (state_->probe && state_->probe());
  }
  void cancel() const { state_->flag.store(true, std::memory_order_relaxed); }

 private:
  struct State {
    std::atomic<bool> flag{false};
    std::function<bool()> probe;  // set before the token is shared, never after
  };
  std::shared_ptr<State> state_;
};

}  // namespace microtome
