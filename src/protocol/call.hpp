// SPDX-License-Identifier: Apache-2.0
// Call: one request on its way through the service, with everything it needs. Copies share it; they go along with
// every callback, so that nothing dies before the answer is out. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"
#include "base/work_pool.hpp"
#include "engine/engine.hpp"
#include "http/message.hpp"
#include "protocol/protocol.hpp"
#include "protocol/site.hpp"

namespace microtome::woolz {
class Store;
}

namespace microtome::protocol {

class AnswerMemo;
class StackCache;

struct Counters {
  Counter requests;
  Counter client_errors;  // 4xx
  Counter server_errors;  // 5xx
  Counter not_modified;
};

// What all calls share. Immutable but for the counters and caches, which are thread-safe.
struct Service {  // NOLINT(clang-analyzer-optin.performance.Padding): made once
  ServiceOptions options;
  std::shared_ptr<engine::Engine> engine;
  WorkPool& pool;
  Log log;
  std::unique_ptr<Sites> sites;
  std::shared_ptr<StackCache> stacks;
  std::shared_ptr<woolz::Store> woolz;
  std::shared_ptr<AnswerMemo> memo;
  Counters counters;
  std::chrono::steady_clock::time_point started;
  mutable std::atomic<std::int64_t> complained_ns = 0;  // when a 404 was last put into the log as a warning
};

struct Call {
  std::shared_ptr<Service> service;
  SitePtr site;
  http::ExchangePtr exchange;
  std::string_view protocol = "other";  // for logs and counters; static

  [[nodiscard]] const http::Request& request() const { return exchange->request(); }
  [[nodiscard]] engine::Engine& engine() const { return *service->engine; }
  [[nodiscard]] const ServiceOptions& options() const { return service->options; }
};

// True when the request means WlzIIPSrv: the program was started as wlziipsrv.fcgi, or that is what its address is
// called. That server answered 200 and an IIP error line to a FIF that it could not have; iipsrv answers 404.
[[nodiscard]] bool stands_for_wlziipsrv(const Call& call);

// Runs `job` on a worker; 503 when the queue is full, nothing when the client has gone meanwhile.
void on_worker(const Call& call, std::function<void()> job);

// Calls `then` with what a name stands for: at once when it is remembered, else on a worker. When there is nothing:
// `failed`, and without it 404.
void find_name(const Call& call, Names order, std::string name, std::function<void(Found)> then,
               std::function<void(const Error&)> failed = {});

// Calls `then` with the set: at once when it is in memory and `good` with it, else on a worker with a fresh one. 404
// when there is none.
void find_set(const Call& call, std::string name, const std::function<bool(const set::Set&)>& good,
              std::function<void(set::SetPtr)> then);

}  // namespace microtome::protocol
