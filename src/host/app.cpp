// SPDX-License-Identifier: Apache-2.0
#include "host/app.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "host/fcgi_client.hpp"

namespace microtome::host {

using namespace std::chrono_literals;
using Clock = Timers::Clock;

namespace {

constexpr int kMostProbes = 2;  // questions what an app can
constexpr int kLinesPerSecond = 200;
constexpr std::size_t kLastLines = 20;

}  // namespace

Lease::Lease(std::shared_ptr<App> app, Slot* slot)
    : app_(std::move(app)), slot_(slot), generation_(slot->generation) {}

Lease::Lease(Lease&& other) noexcept
    : app_(std::move(other.app_)), slot_(std::exchange(other.slot_, nullptr)), generation_(other.generation_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    app_ = std::move(other.app_);
    slot_ = std::exchange(other.slot_, nullptr);
    generation_ = other.generation_;
  }
  return *this;
}

bool Lease::was_killed() const {
  const int status = slot_->last_status;
  return slot_->ended_generation >= generation_ && WIFSIGNALED(status) &&
         (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
}

void Lease::release() {
  if (const auto app = std::exchange(app_, nullptr)) {
    app->done(*slot_, generation_);
  }
}

App::App(AppSpec spec, AppContext context) : spec_(std::move(spec)), context_(std::move(context)) {}

App::~App() {
  for (const auto& slot : slots_) {
    context_.timers->cancel(slot->timer);
    context_.timers->cancel(slot->kill_timer);
    if (slot->child) {
      slot->child->forget();
    }
    if (slot->listen_fd >= 0) {
      close(slot->listen_fd);
      forget_for_app(slot->address);
      if (slot->address.is_local() && settled_) {
        unlink(slot->address.path().c_str());
      }
    }
  }
  context_.timers->cancel(idle_timer_);
}

Result<void> App::open(const Inherit& inherit) {
  const int count = spec_.ours() ? spec_.max_processes : 1;
  for (int i = 0; i < count; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->number = i;
    auto address = spec_.socket.empty() ? BackendAddress::tcp(spec_.host, spec_.port + i)
                   : spec_.ours()       ? BackendAddress::local(spec_.socket + '-' + std::to_string(i))
                                        : BackendAddress::local(spec_.socket);
    if (!address) {
      return pass(address.error());
    }
    slot->address = std::move(*address);
    if (spec_.ours()) {
      const int known = slot->address.is_local() || !inherit ? -1 : inherit(slot->address.text);
      auto fd = known >= 0 ? listen_beside(known, slot->address, spec_.backlog)
                           : listen_for_app(slot->address, spec_.backlog);
      if (known >= 0 && fd) {
        close(known);
        slot->beside = true;
      } else if (known >= 0) {
        // It was opened by another user, or by a process that is gone: the socket itself will do.
        fd = known;
      } else if (!fd) {
        return pass(fd.error());
      }
      slot->listen_fd = *fd;
    } else {
      slot->state = Slot::State::up;
    }
    slots_.push_back(std::move(slot));
  }
  return {};
}

Result<void> App::settle() {
  if (settled_) {
    return {};
  }
  settled_ = true;
  for (const auto& slot : slots_) {
    if (slot->listen_fd < 0) {
      continue;
    }
    if (slot->beside) {
      aim_at(slot->listen_fd, slot->address);
    }
    if (auto done = settle_for_app(slot->address); !done) {
      return done;
    }
  }
  return {};
}

std::vector<std::pair<std::string, int>> App::tcp_sockets() const {
  std::vector<std::pair<std::string, int>> all;
  for (const auto& slot : slots_) {
    if (slot->listen_fd >= 0 && !slot->address.is_local()) {
      all.emplace_back(slot->address.text, slot->listen_fd);
    }
  }
  return all;
}

void App::start() {
  for (int i = 0; spec_.ours() && i < spec_.min_processes; ++i) {
    spawn(*slots_[static_cast<std::size_t>(i)]);
  }
  watch_idle();
}

void App::spawn(Slot& slot) {
  context_.timers->cancel(slot.timer);
  ChildSpec child{spec_.command, child_environment(context_.environment, spec_.copy_environment, spec_.environment),
                  "", slot.listen_fd};
  ChildProcess::Events events;
  events.ended = [weak = weak_from_this(), &slot](int status) {
    if (const auto self = weak.lock()) {
      self->ended(slot, status);
    }
  };
  const auto process = std::make_shared<int>(0);
  events.wrote = [weak = weak_from_this(), &slot, process](std::string_view line) {
    if (const auto self = weak.lock()) {
      self->wrote(slot, *process, line);
    }
  };
  ++slot.generation;
  ++slot.counters.starts;
  slot.served = 0;
  slot.hung = false;
  slot.started = slot.idle_since = Clock::now();
  auto started = ChildProcess::start(context_.loop, child, std::move(events));
  if (!started) {
    context_.log.error(spec_.label + ": " + started.error().message + ": " + started.error().context);
    ++slot.failures;
    restart_later(slot);
    return;
  }
  slot.child = std::move(*started);
  if (context_.guard) {
    context_.guard->add(slot.child->pid());
  }
  *process = slot.child->pid();
  slot.state = Slot::State::up;
  context_.log.info(spec_.label + ": process " + std::to_string(slot.child->pid()) + " started on " +
                    slot.address.text);
  if (probes_ == 0 && spec_.keep == KeepConnections::ask) {
    ++probes_;
    FcgiClient::probe(shared_from_this(), slot);
  }
}

bool App::accepts(const Slot& slot) const {
  return slot.state == Slot::State::up && Clock::now() >= slot.disabled_until &&
         (capacity() == 0 || slot.load < capacity());
}

// Requests that one process gets at a time; 0: as many as come.
int App::capacity() const {
  if (!ability_.known || ability_.multiplexes || ability_.max_connections <= 0) {
    return 0;
  }
  return ability_.max_connections;
}

Slot* App::best() {
  Slot* found = nullptr;
  for (const auto& slot : slots_) {
    if (accepts(*slot) && (found == nullptr || slot->load < found->load)) {
      found = slot.get();
    }
  }
  return found;
}

// Starts one more process when there is a place for it.
void App::grow() {
  for (const auto& slot : slots_) {
    if (slot->state == Slot::State::idle && spec_.ours()) {
      return spawn(*slot);
    }
  }
}

void App::acquire(const TicketPtr& wanted) {
  if (heir_) {
    return heir_->acquire(wanted);
  }
  // Granting may reset the owner's pointer.
  const TicketPtr ticket = wanted;  // NOLINT(performance-unnecessary-copy-initialization)
  if (stopping_ || queue_.size() >= static_cast<std::size_t>(spec_.queue_length)) {
    ++overloaded_;
    return ticket->refused(503);
  }
  queue_.push_back(ticket);
  ticket->waiting = true;
  ticket->holder = weak_from_this();
  dispatch();
  if (!ticket->waiting) {
    return;
  }
  ticket->timer = context_.timers->after(ticket->patience, [weak = weak_from_this(), ticket] {
    ticket->timer = 0;
    if (const auto self = weak.lock()) {
      ++self->overloaded_;
      self->give_up(ticket, 503);
    }
  });
}

void App::give_up(TicketPtr ticket, int status) {
  if (ticket->waiting) {
    cancel(ticket);
    ticket->refused(status);
  }
}

void App::cancel(const TicketPtr& unwanted) {
  const TicketPtr ticket = unwanted;  // NOLINT(performance-unnecessary-copy-initialization): it may be the queue's
  if (const auto holder = ticket->holder.lock(); holder && holder.get() != this) {
    return holder->cancel(ticket);
  }
  if (ticket->waiting) {
    ticket->waiting = false;
    queue_.erase(std::remove(queue_.begin(), queue_.end(), ticket), queue_.end());
  }
  context_.timers->cancel(ticket->timer);
}

void App::dispatch() {
  while (!queue_.empty()) {
    Slot* slot = best();
    if (slot == nullptr || slot->load >= spec_.max_load) {
      grow();
      slot = best();
    }
    if (slot == nullptr) {
      return;
    }
    const TicketPtr ticket = queue_.front();
    queue_.pop_front();
    ticket->waiting = false;
    context_.timers->cancel(ticket->timer);
    ++slot->load;
    ++slot->served;
    ++slot->counters.requests;
    ticket->granted(Lease(shared_from_this(), slot));
  }
}

void App::done(Slot& slot, int) {
  --slot.load;
  if (slot.load == 0) {
    slot.idle_since = Clock::now();
  }
  if (slot.state == Slot::State::up && slot.child) {
    const bool tired = spec_.max_requests > 0 && slot.served >= static_cast<std::uint64_t>(spec_.max_requests);
    // Memory is looked at now and then only: it costs a system call.
    const bool fat = spec_.max_memory > 0 && slot.served % 16 == 0 &&
                     slot.child->resident() > static_cast<std::size_t>(spec_.max_memory) << 20;
    if (tired || fat) {
      context_.log.info(spec_.label + ": process " + std::to_string(slot.child->pid()) +
                        " is replaced: " + (tired ? "max-requests" : "max-memory"));
      drain(slot);
    }
  }
  if (slot.state == Slot::State::draining && slot.load == 0) {
    terminate(slot);
  }
  dispatch();
}

void App::answered(Slot& slot) {
  slot.last_answer = Clock::now();
  // What takes long to start was asked before it could answer; what others have started has not been asked yet.
  const bool other = !spec_.ours() && probes_ == 0 && spec_.keep == KeepConnections::ask;
  if (other || (unanswered_ && probes_ < kMostProbes && (slot.state == Slot::State::up || !spec_.ours()))) {
    ++probes_;
    unanswered_ = false;
    FcgiClient::probe(shared_from_this(), slot);
  }
}

void App::refused(Slot& slot) {
  if (spec_.ours()) {
    return;  // its socket is ours and cannot refuse; a full queue passes
  }
  slot.disabled_until = Clock::now() + spec_.disable_time;
  close_kept(slot);
  ability_ = {};  // another program may answer next
  probes_ = 0;
  ++slot.counters.deaths;
  context_.log.warning(spec_.label + ": " + slot.address.text + " cannot be reached; not used for " +
                       std::to_string(spec_.disable_time.count()) + " s");
  context_.timers->cancel(slot.timer);
  slot.timer = context_.timers->after(spec_.disable_time + 1ms, [weak = weak_from_this(), &slot] {
    slot.timer = 0;
    if (const auto self = weak.lock()) {
      self->dispatch();
    }
  });
}

void App::learned(const Ability& ability) {
  ability_ = ability;
  if (ability.known) {
    context_.log.info(spec_.label + ": takes " +
                      (ability.max_connections > 0 ? std::to_string(ability.max_connections) : std::string("many")) +
                      " connections a process, " + (ability.multiplexes ? "multiplexes" : "does not multiplex"));
  }
  dispatch();
}

void App::asked(const std::shared_ptr<Question>& question) {
  std::erase_if(questions_, [](const auto& each) { return each.expired(); });
  questions_.push_back(question);
}

int App::load() const {
  int sum = 0;
  for (const auto& slot : slots_) {
    sum += slot->load;
  }
  return sum + static_cast<int>(queue_.size());
}

bool App::usable() const {
  return well_ && std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) {
           return slot->state != Slot::State::waiting && Clock::now() >= slot->disabled_until;
         });
}

void App::wrote(const Slot&, int process, std::string_view line) {
  last_lines_.emplace_back(line);
  if (last_lines_.size() > kLastLines) {
    last_lines_.pop_front();
  }
  const auto now = Clock::now();
  if (now - log_second_ >= 1s) {
    if (log_lines_ > kLinesPerSecond && context_.app_log) {
      context_.app_log(spec_.label + '[' + std::to_string(process) + "]: (" +
                       std::to_string(log_lines_ - kLinesPerSecond) + " lines left out)");
    }
    log_second_ = now;
    log_lines_ = 0;
  }
  if (++log_lines_ <= kLinesPerSecond && context_.app_log) {
    context_.app_log(spec_.label + '[' + std::to_string(process) + "]: " + std::string(line));
  }
}

}  // namespace microtome::host
