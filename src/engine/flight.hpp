// SPDX-License-Identifier: Apache-2.0
// Single flight: equal work that is wanted several times at once is done once.
//
// A flight is queued, then running, then over. Whoever asks meanwhile joins it as a waiter. The work's own
// CancelToken is cancelled only while every waiter's is. Work may therefore give up just when somebody new joins: the
// flight then flies again for those who still wait, so nobody ever gets another client's `cancelled`. Thread-safe.
// Waiters are called without any lock held, each exactly once.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "engine/key.hpp"

namespace microtome::engine {

template <class T>
class Flights {
 public:
  using Done = std::function<void(const Result<T>&)>;

  class Flight;
  using FlightPtr = std::shared_ptr<Flight>;

  class Flight {
   public:
    // Cancelled when no waiter is left that wants the result.
    [[nodiscard]] const CancelToken& token() const { return token_; }

   private:
    friend class Flights;
    enum class State : std::uint8_t { queued, running, over };
    struct Waiter {
      CancelToken cancel;
      Done done;
    };
    Key key_;
    std::mutex* mutex_ = nullptr;  // of the shard; guards all below
    State state_ = State::queued;
    std::vector<Waiter> waiters_;
    CancelToken token_;
  };

  // Joins the flight of `key`, or makes one: the second is true for the one who made it, who must see to it that
  // begin() and finish(), or drop(), are called. `cancel` must not follow this flight's own token.
  std::pair<FlightPtr, bool> join(const Key& key, const CancelToken& cancel, Done done) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    FlightPtr& flight = shard.flights[key];
    const bool first = flight == nullptr;
    if (first) {
      flight = std::make_shared<Flight>();
      flight->key_ = key;
      flight->mutex_ = &shard.mutex;
      flight->token_ =
          CancelToken::following([weak = std::weak_ptr<Flight>(flight)] { return abandoned(weak.lock()); });
    }
    flight->waiters_.push_back({cancel, std::move(done)});
    return {flight, first};
  }

  // True for exactly one caller: it has to do the work and call finish().
  bool begin(const FlightPtr& flight) {
    const std::lock_guard lock(*flight->mutex_);
    if (flight->state_ != Flight::State::queued) {
      return false;
    }
    flight->state_ = Flight::State::running;
    return true;
  }

  enum class Dropped : std::uint8_t {
    yes,     // nobody waited: the flight is over and the waiters are told
    wanted,  // somebody waits: the flight stays queued
    begun,   // not queued any more: somebody else sees to it
  };
  // Ends a queued flight that nobody waits for any more.
  [[nodiscard]] Dropped drop(const FlightPtr& flight) {
    std::vector<typename Flight::Waiter> told;
    {
      Shard& shard = shard_of(flight->key_);
      const std::lock_guard lock(shard.mutex);
      if (flight->state_ != Flight::State::queued) {
        return Dropped::begun;
      }
      if (!all_cancelled(*flight)) {
        return Dropped::wanted;
      }
      flight->state_ = Flight::State::over;
      told.swap(flight->waiters_);
      shard.flights.erase(flight->key_);
    }
    const Result<T> nobody = fail(Code::cancelled, "nobody waits any more");
    for (const auto& waiter : told) {
      waiter.done(nobody);
    }
    return Dropped::yes;
  }

  // Ends the flight and tells the waiters. True when it has to fly again instead: the result says `cancelled`, but
  // somebody still waits. It is queued then.
  [[nodiscard]] bool finish(const FlightPtr& flight, const Result<T>& result) {
    using Waiter = typename Flight::Waiter;
    std::vector<Waiter> told;
    bool again = false;
    {
      Shard& shard = shard_of(flight->key_);
      const std::lock_guard lock(shard.mutex);
      told.swap(flight->waiters_);
      if (!result && result.error().code == Code::cancelled) {
        std::vector<Waiter> all;
        all.swap(told);
        for (Waiter& waiter : all) {
          (waiter.cancel.cancelled() ? told : flight->waiters_).push_back(std::move(waiter));
        }
        again = !flight->waiters_.empty();
      }
      flight->state_ = again ? Flight::State::queued : Flight::State::over;
      if (!again) {
        shard.flights.erase(flight->key_);
      }
    }
    for (const Waiter& waiter : told) {
      waiter.done(result);
    }
    return again;
  }

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Key, FlightPtr, KeyHash> flights;
  };

  static bool abandoned(const FlightPtr& flight) {
    if (flight == nullptr) {
      return true;
    }
    const std::lock_guard lock(*flight->mutex_);
    return all_cancelled(*flight);
  }
  static bool all_cancelled(const Flight& flight) {
    return std::all_of(flight.waiters_.begin(), flight.waiters_.end(),
                       [](const auto& waiter) { return waiter.cancel.cancelled(); });
  }

  Shard& shard_of(const Key& key) { return shards_[key.high % shards_.size()]; }

  std::array<Shard, 16> shards_;
};

}  // namespace microtome::engine
