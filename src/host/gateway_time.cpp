// SPDX-License-Identifier: Apache-2.0
// Apps that take too long: limits of time, and processes that are taken for hung. Part of gateway.
#include <algorithm>
#include <utility>

#include "host/client_stream.hpp"
#include "host/gateway.hpp"

namespace microtome::host {

using namespace std::chrono_literals;
namespace fcgi = net::fcgi;
using Clock = Timers::Clock;

void GatewayRun::watch_time() {
  const auto limit = app().spec().read_timeout;
  if (limit.count() == 0) {
    return;
  }
  const auto after = std::max<Clock::duration>(last_activity_ + limit - Clock::now(), 1ms);
  timer_ = app().context().timers->after(after, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->timer_ = 0;
      self->time_is_up();
    }
  });
}

void GatewayRun::time_is_up() {
  const auto self = shared_from_this();
  // A client that takes nothing, or sends nothing, is not the app's fault.
  const bool waits_for_client = hold_ || (!body_ended_ && client_ && client_->unsent() == 0);
  if (waits_for_client) {
    last_activity_ = Clock::now();
  }
  if (lease_ && lease_.slot().started > last_activity_) {
    last_activity_ = lease_.slot().started;  // the process is a new one: it gets its time
  }
  if (Clock::now() - last_activity_ < app().spec().read_timeout) {
    return watch_time();
  }
  kill_hung();
  if (head_done_) {
    finished_ = true;
    if (answer_ != nullptr) {
      answer_->upstream_cut();
      answer_changed_ = true;
    }
    if (client_) {
      client_->abort(id_);
    }
  } else {
    fail(504, "no answer within " + std::to_string(app().spec().read_timeout.count()) + " s");
  }
  commit();
}

// A process that can work at one request only is hung. One that says it can work at several is asked first; one that
// says nothing is taken for hung when it has answered nobody else meanwhile.
void GatewayRun::kill_hung() {
  if (!app().spec().ours() || !lease_) {
    return;
  }
  const auto owner = lease_.app().shared_from_this();
  Slot& slot = lease_.slot();
  const int generation = slot.generation;
  const Ability& ability = app().ability();
  if (!ability.known || ability.max_connections == 1) {
    const bool works = !ability.known && slot.last_answer > granted_at_;
    return works ? void() : owner->hung(slot, generation);
  }
  FcgiClient::ping(owner, slot, [owner, &slot, generation](bool alive) {
    if (!alive) {
      owner->hung(slot, generation);
    }
  });
}

}  // namespace microtome::host
