// SPDX-License-Identifier: Apache-2.0
// Workshop: makes answers on the pool and keeps them. From a key and a way to make it to the bytes: the result cache,
// what failed lately, equal work in flight, a bounded queue, bounded memory. It knows nothing of pictures.
// Thread-safe. Held by shared_ptr: jobs in the pool keep it alive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/work_pool.hpp"
#include "engine/admission.hpp"
#include "engine/counters.hpp"
#include "engine/engine.hpp"
#include "engine/failures.hpp"
#include "engine/flight.hpp"
#include "engine/result_cache.hpp"

namespace microtome::engine {

// Work that makes one answer, whoever waits for it.
struct Work {
  Key key;
  WorkClass work = WorkClass::tile;
  std::uint64_t memory_bytes = 0;  // decoded pixels held while it runs
  Engine::Compute make;            // on a worker
  // After make(), on the worker; null: it went well. May be empty.
  std::function<void(const Error*)> made;
  std::string_view plan;  // static; for the trace
};
using WorkPtr = std::shared_ptr<const Work>;

class Workshop : public std::enable_shared_from_this<Workshop> {
 public:
  using Done = std::function<void(const Result<AnswerPtr>&)>;

  Workshop(const EngineOptions& options, WorkPool& pool, const std::function<std::int64_t()>& now_ns);
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  // The answer, when it is kept; else null.
  [[nodiscard]] AnswerPtr kept(const Key& key) { return cache_.find(key); }
  // Makes what is not kept. `done` runs inline when it is known to fail, or when the queue is full; else on a worker,
  // once.
  void deliver(const WorkPtr& work, const CancelToken& cancel, Done done);

  [[nodiscard]] bool possible(std::uint64_t memory_bytes) const { return admission_.possible(memory_bytes); }
  void add_to(Metrics& metrics) const;

 private:
  using FlightPtr = Flights<AnswerPtr>::FlightPtr;

  void queue_again(const FlightPtr& flight, const WorkPtr& work);
  void take_off(const FlightPtr& flight, const WorkPtr& work, bool cancelled);
  void land(const FlightPtr& flight, const WorkPtr& work, bool cancelled);
  Result<AnswerPtr> make(const Work& work, const CancelToken& cancel);

  WorkPool& pool_;
  ResultCache cache_;
  Failures failures_;
  Admission admission_;
  Flights<AnswerPtr> flights_;
  Counter joined_;
  Counter work_us_;
};

}  // namespace microtome::engine
