// SPDX-License-Identifier: Apache-2.0
// How processes of an app end: drained, hung, no longer needed, or with the app. Part of app.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "host/app.hpp"
#include "host/fcgi_client.hpp"

namespace microtome::host {

using namespace std::chrono_literals;
using Clock = Timers::Clock;

namespace {

constexpr auto kHealthy = 60s;
constexpr std::chrono::milliseconds kDelays[] = {0ms, 0ms, 100ms, 500ms, 1s, 2s, 5s, 10s, 30s};
constexpr auto kAbortGrace = 3s;
constexpr auto kTermGrace = 10s;
constexpr auto kRetireStep = 50ms;

}  // namespace

void App::ended(Slot& slot, int status) {
  const auto lived = Clock::now() - slot.started;
  slot.last_end = describe_end(status);
  slot.last_status = status;
  slot.ended_generation = slot.generation;
  const bool wanted = slot.state == Slot::State::ending && !slot.hung;
  const std::string text =
      spec_.label + ": process " + std::to_string(slot.child->pid()) + " ended: " + slot.last_end;
  if (wanted) {
    context_.log.info(text);
  } else {
    context_.log.error(text);
    ++slot.counters.deaths;
  }
  context_.timers->cancel(slot.kill_timer);
  if (context_.guard) {
    context_.guard->remove(slot.child->pid());
  }
  slot.child.reset();
  close_kept(slot);
  slot.disabled_until = {};
  if (stopping_) {
    slot.state = Slot::State::idle;
    return finish_stop();
  }
  if (slot.state == Slot::State::ending && slot.number >= spec_.min_processes && queue_.empty() && !slot.hung) {
    slot.state = Slot::State::idle;
    return;
  }
  // Who has answered something is no crash loop, however often it is killed.
  const bool useful = slot.last_answer >= slot.started || lived >= kHealthy;
  slot.failures = wanted || slot.hung || useful ? 0 : slot.failures + 1;
  restart_later(slot);
}

void App::restart_later(Slot& slot) {
  const std::size_t last = std::size(kDelays) - 1;
  const auto step = static_cast<std::size_t>(std::max(slot.failures - 1, 0));
  const auto delay = kDelays[std::min(step, last)];
  slot.state = Slot::State::waiting;
  if (delay == 0ms && slot.failures <= 2) {
    spawn(slot);
    return dispatch();
  }
  // Who waits in the kernel's queue for a process that does not come waits better in ours, where others may take it.
  for (FcgiClient* client : std::vector(slot.open)) {
    client->nobody_accepts();
  }
  context_.log.warning(spec_.label + ": the process on " + slot.address.text + " ended " +
                       std::to_string(slot.failures) + " times in a row; the next one is started in " +
                       std::to_string(delay.count()) + " ms");
  slot.timer = context_.timers->after(delay, [weak = weak_from_this(), &slot] {
    if (const auto self = weak.lock()) {
      slot.timer = 0;
      self->spawn(slot);
      self->dispatch();
    }
  });
}

void close_kept(Slot& slot) {
  for (const auto& client : std::exchange(slot.connections, {})) {
    client->leave();
  }
}

void App::drain(Slot& slot) {
  slot.state = Slot::State::draining;
  if (slot.load == 0) {
    terminate(slot);
  }
}

void App::terminate(Slot& slot) {
  if (!slot.child) {
    slot.state = Slot::State::idle;
    return;
  }
  slot.state = Slot::State::ending;
  close_kept(slot);
  slot.child->signal(spec_.kill_signal);
  slot.kill_timer = context_.timers->after(kTermGrace, [weak = weak_from_this(), &slot] {
    if (const auto self = weak.lock()) {
      slot.kill_timer = 0;
      slot.child->signal_group(SIGKILL);
    }
  });
}

void App::hung(Slot& slot, int generation) {
  if (!slot.child || slot.generation != generation || slot.state == Slot::State::ending) {
    return;
  }
  ++slot.counters.hung;
  slot.hung = true;
  slot.state = Slot::State::ending;
  context_.log.error(spec_.label + ": process " + std::to_string(slot.child->pid()) +
                     " gave no answer before the deadline; it is ended");
  slot.child->signal(SIGABRT);
  context_.timers->cancel(slot.kill_timer);
  slot.kill_timer = context_.timers->after(kAbortGrace, [weak = weak_from_this(), &slot] {
    if (const auto self = weak.lock()) {
      slot.kill_timer = 0;
      slot.child->signal_group(SIGKILL);
    }
  });
}

// Ends processes above min-procs that nobody has needed for idle-timeout, one at a time.
void App::watch_idle() {
  if (!spec_.ours() || spec_.max_processes == spec_.min_processes || stopping_) {
    return;
  }
  const auto interval = std::clamp<std::chrono::milliseconds>(spec_.idle_timeout / 4, 100ms, 1000ms);
  idle_timer_ = context_.timers->after(interval, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) {
      return;
    }
    self->idle_timer_ = 0;
    for (std::size_t i = self->slots_.size(); i-- > static_cast<std::size_t>(self->spec_.min_processes);) {
      Slot& slot = *self->slots_[i];
      if (slot.state == Slot::State::up && slot.load == 0 &&
          Clock::now() - slot.idle_since >= self->spec_.idle_timeout) {
        self->terminate(slot);
        break;
      }
    }
    self->watch_idle();
  });
}

void App::retire(const std::shared_ptr<App>& heir, std::chrono::milliseconds grace) {
  heir_ = heir;
  while (heir_ && !queue_.empty()) {
    const TicketPtr ticket = queue_.front();
    cancel(ticket);
    heir_->acquire(ticket);
  }
  if (queue_.empty() || grace.count() <= 0) {
    return stop(grace, [self = shared_from_this()] {});
  }
  context_.timers->after(kRetireStep,
                         [self = shared_from_this(), grace] { self->retire(nullptr, grace - kRetireStep); });
}

void App::stop(std::chrono::milliseconds grace, std::function<void()> done) {
  stopping_ = true;
  stopped_ = std::move(done);
  context_.timers->cancel(idle_timer_);
  for (const auto& each : std::exchange(questions_, {})) {
    if (const auto question = each.lock()) {
      question->abandon();
    }
  }
  while (!queue_.empty()) {
    give_up(queue_.front(), 503);
  }
  for (const auto& slot : slots_) {
    context_.timers->cancel(slot->timer);
    if (!slot->child) {
      close_kept(*slot);
      slot->state = Slot::State::idle;
    } else if (slot->state == Slot::State::up || slot->state == Slot::State::draining) {
      drain(*slot);
    }
  }
  if (grace.count() >= 0) {
    idle_timer_ = context_.timers->after(grace, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->idle_timer_ = 0;
        for (const auto& slot : self->slots_) {
          if (slot->child) {
            slot->state = Slot::State::ending;
            slot->child->signal_group(SIGKILL);
          }
        }
      }
    });
  }
  finish_stop();
}

void App::finish_stop() {
  const bool all =
      std::none_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->child != nullptr; });
  if (all && stopped_) {
    context_.timers->cancel(idle_timer_);
    std::exchange(stopped_, nullptr)();
  }
}

}  // namespace microtome::host
