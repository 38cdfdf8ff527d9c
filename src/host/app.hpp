// SPDX-License-Identifier: Apache-2.0
// App: everything that runs one backend: its listening sockets, its processes, and the requests that wait for it.
// Loop thread only.
//
// We own each listening socket for our whole life, and a process gets it as descriptor 0: when a process dies,
// connections wait in the kernel's queue for the next one, and nobody is refused. There is a socket for each process
// ("-0", "-1", ...; or port, port + 1, ...), so that we always know which process works at which request.
//
// A process that ends is started again: at once when it had answered something, else at once, at once, then after
// 0.1, 0.5, 1, 2, 5, 10 and 30 s, for ever; 60 s of health reset that. Above min-procs processes are started when all
// others are busy, and ended after idle-timeout.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "host/app_spec.hpp"
#include "host/backend_socket.hpp"
#include "host/child_process.hpp"
#include "host/guard.hpp"
#include "host/timers.hpp"
#include "net/loop.hpp"

namespace microtome::host {

class App;
class FcgiClient;

// What an app told about itself (GET_VALUES), or what is assumed.
struct Ability {
  bool known = false;       // it answered
  int max_connections = 0;  // 0: no limit known
  bool multiplexes = false;
};

// Something that is asked of an app beside its requests, and that ends with the app.
class Question {
 public:
  virtual ~Question() = default;
  virtual void abandon() = 0;
};

struct AppContext {
  std::shared_ptr<net::Loop> loop;
  std::shared_ptr<Timers> timers;
  Log log;
  std::vector<std::string> environment;                  // ours
  std::function<void(const std::string& line)> app_log;  // standard error of apps, complete lines
  std::shared_ptr<Guard> guard;                          // ends what outlives us; may be null
};

struct SlotCounters {
  std::uint64_t requests = 0;
  std::uint64_t starts = 0;
  std::uint64_t deaths = 0;
  std::uint64_t hung = 0;
};

// One process of an app, or the place of one. Apps that we do not start have a single one.
struct Slot {
  enum class State {
    idle,      // no process, none wanted
    up,        // requests may be sent
    waiting,   // ended; will be started again at a known time
    draining,  // gets no further request; ended when the last one is answered
    ending,    // a signal was sent
  };
  int number = 0;
  State state = State::idle;
  BackendAddress address;
  int listen_fd = -1;
  bool beside = false;  // the address is another generation's as well, until that has ended
  std::shared_ptr<ChildProcess> child;
  int generation = 0;                       // counts processes
  int load = 0;                             // requests it works at
  std::uint64_t served = 0;                 // requests given to this process
  Timers::Clock::time_point last_answer{};  // of this process, whole; before `started`: none yet
  int failures = 0;
  bool hung = false;
  Timers::Clock::time_point started{};
  Timers::Clock::time_point idle_since{};
  Timers::Clock::time_point disabled_until{};
  Timers::Id timer = 0;
  Timers::Id kill_timer = 0;
  std::vector<std::shared_ptr<FcgiClient>> connections;  // kept ones, idle or multiplexed
  std::vector<FcgiClient*> open;                         // every connection
  SlotCounters counters;
  std::string last_end;
  int last_status = 0;       // as of waitpid()
  int ended_generation = 0;  // whose it is
};

// The right to send one request to a process. Given back when it is destroyed.
class Lease {
 public:
  Lease() = default;
  Lease(std::shared_ptr<App> app, Slot* slot);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { release(); }
  [[nodiscard]] explicit operator bool() const { return app_ != nullptr; }
  [[nodiscard]] App& app() const { return *app_; }
  [[nodiscard]] Slot& slot() const { return *slot_; }
  // The process has been replaced since.
  [[nodiscard]] bool outdated() const { return slot_->generation != generation_; }
  // The process has ended, and not by itself: somebody has killed it.
  [[nodiscard]] bool was_killed() const;
  void release();

 private:
  std::shared_ptr<App> app_;
  Slot* slot_ = nullptr;
  int generation_ = 0;
};

// A request that waits for a process. Exactly one of the two is called, later or at once; none after cancel.
struct Ticket {
  std::function<void(Lease)> granted;
  std::function<void(int status)> refused;  // 503: queue full, or nothing came up in time
  std::chrono::milliseconds patience{5000};
  Timers::Id timer = 0;
  bool waiting = false;
  std::weak_ptr<App> holder;  // in whose queue it waits
};
using TicketPtr = std::shared_ptr<Ticket>;

// Kept connections leave the pool; those without a request are closed, the others end by themselves.
void close_kept(Slot& slot);

class App : public std::enable_shared_from_this<App> {
 public:
  App(AppSpec spec, AppContext context);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Binds the sockets of apps that we start. Code::io with the reason. `inherit` gives a TCP socket that listens to
  // an address already (ours from then on), or -1; we listen beside it.
  using Inherit = std::function<int(const std::string& address)>;
  Result<void> open(const Inherit& inherit);
  // Its sockets get their names: from now on requests come here.
  Result<void> settle();
  // Another app has taken the names of our sockets: their files are no longer ours to remove.
  void superseded() { settled_ = false; }
  // Listening TCP sockets by address.
  [[nodiscard]] std::vector<std::pair<std::string, int>> tcp_sockets() const;
  // Starts min-procs processes.
  void start();
  // No further request is begun; processes end as soon as they have answered, and are killed after `grace`. `done` is
  // called when all are gone. Sockets are closed and unlinked.
  void stop(std::chrono::milliseconds grace, std::function<void()> done);

  // stop(), once everything that waits has been served. With an heir, what waits and what comes later goes there.
  void retire(const std::shared_ptr<App>& heir, std::chrono::milliseconds grace);

  void acquire(const TicketPtr& ticket);
  void cancel(const TicketPtr& ticket);

  // What users of a lease report.
  void answered(Slot& slot);              // a whole answer came
  void refused(Slot& slot);               // connecting failed
  void hung(Slot& slot, int generation);  // no answer before the deadline: ABRT, then KILL, then a new process
  void learned(const Ability& ability);
  void unanswered() { unanswered_ = true; }  // it did not say what it can
  void asked(const std::shared_ptr<Question>& question);

  [[nodiscard]] const AppSpec& spec() const { return spec_; }
  [[nodiscard]] const AppContext& context() const { return context_; }
  [[nodiscard]] const Ability& ability() const { return ability_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Slot>>& slots() const { return slots_; }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  [[nodiscard]] int load() const;
  // Something could take a request now or soon.
  [[nodiscard]] bool usable() const;
  // By its health check.
  [[nodiscard]] bool well() const { return well_; }
  void set_well(bool well) { well_ = well; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] const std::deque<std::string>& last_lines() const { return last_lines_; }
  [[nodiscard]] std::uint64_t overloaded() const { return overloaded_; }

 private:
  friend class Lease;
  void done(Slot& slot, int generation);
  void dispatch();
  Slot* best();
  [[nodiscard]] bool accepts(const Slot& slot) const;
  [[nodiscard]] int capacity() const;
  void grow();
  void spawn(Slot& slot);
  void ended(Slot& slot, int status);
  void restart_later(Slot& slot);
  void drain(Slot& slot);
  void terminate(Slot& slot);
  void watch_idle();
  void wrote(const Slot& slot, int process, std::string_view line);
  void give_up(TicketPtr ticket, int status);
  void finish_stop();

  AppSpec spec_;
  AppContext context_;
  Ability ability_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::deque<TicketPtr> queue_;
  std::deque<std::string> last_lines_;  // of standard error, for the status page
  Timers::Id idle_timer_ = 0;
  std::vector<std::weak_ptr<Question>> questions_;
  int probes_ = 0;           // questions what it can that were sent
  bool unanswered_ = false;  // the last one
  bool settled_ = false;     // the files of its sockets are its own
  bool stopping_ = false;
  bool well_ = true;
  std::shared_ptr<App> heir_;
  std::function<void()> stopped_;
  std::uint64_t overloaded_ = 0;
  // Lines of standard error in the current second, to bound what goes to the log.
  Timers::Clock::time_point log_second_{};
  int log_lines_ = 0;
};

}  // namespace microtome::host
