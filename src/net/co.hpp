// SPDX-License-Identifier: Apache-2.0
// The two coroutine types of the connection loops. All of one connection runs on one loop thread: nothing here locks.
// asio::awaitable is not used, as a connection waits for several things at once (bytes, its answer, a deadline) and
// one suspended handle that any of them may resume costs neither timers nor cancellation.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

namespace microtome::net {

// Starts at once, runs by itself, frees its frame at the end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }  // only bugs and bad_alloc come here
  };
};

// Awaited by exactly one other coroutine; starts when it is awaited.
template <class T>
class [[nodiscard]] Co {
 public:
  struct promise_type {
    std::coroutine_handle<> continuation;
    std::optional<T> value;

    Co get_return_object() { return Co(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Back {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          return self.promise().continuation;
        }
        void await_resume() noexcept {}
      };
      return Back{};
    }
    void return_value(T result) { value.emplace(std::move(result)); }
    void unhandled_exception() { std::abort(); }
  };

  Co(Co&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Co(const Co&) = delete;
  Co& operator=(const Co&) = delete;
  Co& operator=(Co&&) = delete;
  ~Co() {
    if (handle_) {
      handle_.destroy();
    }
  }

  bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    handle_.promise().continuation = caller;
    return handle_;
  }
  T await_resume() { return std::move(*handle_.promise().value); }

 private:
  explicit Co(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace microtome::net
