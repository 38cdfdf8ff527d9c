// SPDX-License-Identifier: Apache-2.0
// SocketExchange: one request of a connection, as handlers hold it. The connection does not own it: when the last
// handler lets go without an answer, the destructor answers 500.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "http/message.hpp"
#include "http/status.hpp"
#include "net/loop.hpp"

namespace microtome::net {

// `Owner` has answered(std::uint64_t serial, http::Response), called on the loop thread.
template <class Owner>
class SocketExchange final : public http::Exchange {
 public:
  SocketExchange(std::shared_ptr<Loop> loop, std::weak_ptr<Owner> owner, std::uint64_t serial, http::Request request,
                 CancelToken cancel)
      : loop_(std::move(loop)),
        owner_(std::move(owner)),
        serial_(serial),
        request_(std::move(request)),
        cancel_(std::move(cancel)) {}
  ~SocketExchange() override {
    if (!answered_.load(std::memory_order_acquire)) {
      respond(http::text_response(500, "internal error"));
    }
  }

  [[nodiscard]] const http::Request& request() const override { return request_; }
  [[nodiscard]] const CancelToken& cancel() const override { return cancel_; }

  void respond(http::Response response) override {
    if (answered_.exchange(true, std::memory_order_acq_rel)) {
      return;
    }
    // While the handler runs, its caller looks for the answer when it returns: no queue, no wake-up.
    if (loop_->on_thread() && inline_ != nullptr) {
      *inline_ = std::move(response);
      return;
    }
    loop_->post(
        [owner = owner_, serial = serial_, held = std::make_shared<http::Response>(std::move(response))]() mutable {
          if (auto self = owner.lock()) {
            self->answered(serial, std::move(*held));
          }
        });
  }

  // Runs the handler; its answer, when it came before the handler returned. Loop thread.
  static std::optional<http::Response> run(const http::Handler& handler, std::shared_ptr<SocketExchange> exchange) {
    std::optional<http::Response> answer;
    exchange->inline_ = &answer;
    handler(exchange);
    if (!answer && exchange.use_count() == 1) {
      exchange.reset();  // nobody is left who could answer: the destructor does, into `answer`
    } else {
      exchange->inline_ = nullptr;
    }
    return answer;
  }

 private:
  std::shared_ptr<Loop> loop_;
  std::weak_ptr<Owner> owner_;
  std::uint64_t serial_;
  http::Request request_;
  CancelToken cancel_;
  std::atomic<bool> answered_{false};
  std::optional<http::Response>* inline_ = nullptr;  // loop thread only
};

}  // namespace microtome::net
