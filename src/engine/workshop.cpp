// SPDX-License-Identifier: Apache-2.0
#include "engine/workshop.hpp"

#include <ctime>
#include <new>
#include <utility>

namespace microtome::engine {
namespace {

std::int64_t thread_cpu_us() {
  timespec time = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

Error nobody() {
  return {Code::cancelled, "nobody waits any more", {}};
}

}  // namespace

Workshop::Workshop(const EngineOptions& options, WorkPool& pool, const std::function<std::int64_t()>& now_ns)
    : pool_(pool),
      cache_(options.cache_bytes),
      failures_(options.revalidate_ms, now_ns),
      admission_(options.max_memory_in_flight, pool) {}

void Workshop::deliver(const WorkPtr& work, const CancelToken& cancel, Done done) {
  if (auto known = failures_.find(work->key)) {
    done(pass(std::move(*known)));
    return;
  }
  if (!admission_.possible(work->memory_bytes)) {
    done(fail(Code::too_large, "the answer would take too much memory"));
    return;
  }
  const auto [flight, first] = flights_.join(work->key, cancel, std::move(done));
  if (!first) {
    joined_.add();
    return;
  }
  const auto queued = pool_.submit(
      work->work, flight->token(),
      [self = shared_from_this(), flight, work](bool cancelled) { self->take_off(flight, work, cancelled); });
  if (!queued && flights_.begin(flight)) {
    static_cast<void>(flights_.finish(flight, pass(queued.error())));  // not `cancelled`: does not fly again
  }
}

void Workshop::queue_again(const FlightPtr& flight, const WorkPtr& work) {
  pool_.put_back(work->work, flight->token(), [self = shared_from_this(), flight, work](bool cancelled) {
    self->take_off(flight, work, cancelled);
  });
}

// With `cancelled` this may be a loop thread (a full queue throws out what nobody waits for): no work there.
void Workshop::take_off(const FlightPtr& flight, const WorkPtr& work, bool cancelled) {
  if (cancelled) {
    if (flights_.drop(flight) == Flights<AnswerPtr>::Dropped::wanted) {
      queue_again(flight, work);
    }
    return;
  }
  if (!flights_.begin(flight)) {
    return;
  }
  const bool room =
      admission_.enter(work->memory_bytes, work->work, flight->token(),
                       [self = shared_from_this(), flight, work](bool gone) { self->land(flight, work, gone); });
  if (room) {
    land(flight, work, false);
  }
}

void Workshop::land(const FlightPtr& flight, const WorkPtr& work, bool cancelled) {
  const Result<AnswerPtr> answer = cancelled ? pass(nobody()) : make(*work, flight->token());
  admission_.leave(work->memory_bytes);
  if (flights_.finish(flight, answer)) {
    queue_again(flight, work);  // somebody joined while the work gave up
  }
}

Result<AnswerPtr> Workshop::make(const Work& work, const CancelToken& cancel) {
  if (cancel.cancelled()) {
    return pass(nobody());
  }
  if (AnswerPtr made = cache_.peek(work.key)) {  // by a flight that ended between this request's look and its own
    return made;
  }
  const std::int64_t before = thread_cpu_us();
  Result<Engine::Computed> computed = fail(Code::internal, "the answer cannot be made");
  try {
    computed = work.make(cancel);
  } catch (const std::bad_alloc&) {
    computed = fail(Code::overloaded, "not enough memory");
  }
  const std::int64_t cost = thread_cpu_us() - before;
  work_us_.add(cost);
  if (work.made) {
    work.made(computed ? nullptr : &computed.error());
  }
  if (!computed) {
    failures_.remember(work.key, computed.error());
    return pass(std::move(computed.error()));
  }
  computed->bytes.shrink_to_fit();  // the cache holds, and is charged for, capacity
  auto answer = std::make_shared<const Answer>(
      Answer{std::make_shared<const Bytes>(std::move(computed->bytes)), std::move(computed->media_type), cost});
  cache_.put(work.key, answer, static_cast<double>(cost));
  return answer;
}

void Workshop::add_to(Metrics& metrics) const {
  metrics.joined = joined_.value();
  metrics.work_us = work_us_.value();
  metrics.cache_hits = cache_.hits();
  metrics.cache_misses = cache_.misses();
  metrics.cache_evictions = cache_.evictions();
  metrics.cache_entries = static_cast<std::int64_t>(cache_.entries());
  metrics.cache_bytes = static_cast<std::int64_t>(cache_.bytes());
  metrics.memory_in_flight = static_cast<std::int64_t>(admission_.in_flight());
}

}  // namespace microtome::engine
