// SPDX-License-Identifier: Apache-2.0
#include "host/server.hpp"

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <utility>

#include "host/access_log.hpp"
#include "host/auth_digest.hpp"
#include "host/client_connection.hpp"
#include "host/context.hpp"
#include "host/fcgi_client.hpp"
#include "host/listener.hpp"
#include "host/signals.hpp"
#include "host/start_pages.hpp"
#include "host/supervisor.hpp"
#include "host/tls.hpp"
#include "host/trusted_proxies.hpp"
#include "host/visit.hpp"

namespace microtome::host {

using namespace std::chrono_literals;

namespace {

constexpr auto kWarmUp = 1500ms;      // for apps of a successor; those that answer no question are started by then
constexpr auto kLastChance = 1000ms;  // for a request on a kept connection, when a successor serves
constexpr auto kRest = 10s;           // without a request, before memory is given back

class Host final : public HostServer {
 public:
  Host(HostOptions options, WorkPool& pool)
      : options_(std::move(options)),
        loop_(std::make_shared<net::Loop>(500ms)),
        timers_(Timers::make(loop_)),
        access_logs_(options_.log),
        pool_(pool) {}

  ~Host() override {
    for (const auto& listener : listeners_) {
      listener->stop(!succeeded_);
    }
  }

  Result<void> open() {
    if (!timers_) {
      return fail(Code::io, "the system has no timer for us");
    }
    guard_ = Guard::start();
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // what apps leave behind comes to us
    block_host_signals();
    const sigset_t set = host_signals();
    signal_fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    shared_ = make_shared_options();
    make_connection_context();
    if (auto opened = open_sockets(); !opened) {
      return opened;
    }
    supervisor_ = std::make_unique<Supervisor>(
        AppContext{loop_, timers_, options_.log, options_.environment, options_.app_log, guard_});
    supervisor_->inherit(std::exchange(options_.left, {}));
    if (auto configured = supervisor_->configure(options_.site->apps()); !configured) {
      return configured;
    }
    if (!access_logs_.prepare(options_.site->tree())) {
      return fail(Code::io, "an access log cannot be opened");
    }
    context_ = make_context(options_.site);
    return use_certificates(options_.site);
  }

  [[nodiscard]] std::vector<std::string> addresses() const override {
    std::vector<std::string> all;
    for (const auto& listener : listeners_) {
      all.push_back(listener->text());
    }
    return all;
  }

  [[nodiscard]] bool succeeded() const override { return succeeded_; }

  void run() override {
    signals_ = std::make_shared<Signals>(*loop_, signal_fd_, [this](int number) { signal(number); });
    signals_->begin();
    supervisor_->start();
    every_second();
    options_.successor ? warm_up() : serve();
    loop_->run();
    access_logs_.flush();
  }

 private:
  void serve() {
    if (stopping_ || std::exchange(serving_, true)) {
      return;
    }
    for (const auto& listener : listeners_) {
      listener->start();
    }
    if (options_.ready) {
      options_.ready();
    }
    give_back_start_pages();
  }

  // A predecessor still serves: there is time until our apps answer, so that no request has to wait for their start.
  void warm_up() {
    const auto left = std::make_shared<int>(1);
    const auto answered = [this, left](bool) {
      if (--*left == 0) {
        serve();
      }
    };
    for (const auto& app : supervisor_->apps()) {
      for (const auto& slot : app->slots()) {
        if (slot->child) {
          ++*left;
          FcgiClient::ping(app, *slot, answered);
        }
      }
    }
    timers_->after(kWarmUp, [this] { serve(); });
    answered(true);
  }

  std::shared_ptr<const net::Shared> make_shared_options() {
    net::ServerOptions limits;
    limits.max_header = options_.settings.max_header;
    limits.max_target = std::min<std::size_t>(limits.max_header, 16 * 1024);
    limits.max_connections = options_.settings.max_connections;
    return std::make_shared<net::Shared>(net::Shared{limits, nullptr, pool_, options_.log, {}, {}});
  }

  void make_connection_context() {
    auto context = std::make_shared<ConnectionContext>();
    context->serve = [this](const std::shared_ptr<Stream>& stream) -> std::shared_ptr<StreamUser> {
      auto visit = std::make_shared<Visit>(context_, stream);
      visit->start();
      last_request_ = Timers::Clock::now();
      rested_ = false;
      return visit;
    };
    context->refused = [this](const Endpoint&, int status) {
      ++context_->counters->requests;
      ++context_->counters->by_class[status / 100];
    };
    context->proxied = [this](const Endpoint& endpoint) { return brings_proxy_header(*context_->site, endpoint); };
    context->after = [timers = timers_](net::Clock::duration after, std::function<void()> job) {
      timers->after(after, std::move(job));
    };
    context->h2c = options_.settings.h2 && options_.settings.h2c;
    connection_context_ = std::move(context);
  }

  Result<void> open_sockets() {
    const ServerSettings& settings = options_.settings;
    std::vector<ListenSocket> sockets;
    for (const int fd : options_.inherited) {
      auto socket = adopt_listen_socket(fd);
      if (!socket) {
        return pass(socket.error());
      }
      sockets.push_back(std::move(*socket));
    }
    if (auto opened = open_addresses(settings, sockets); !opened) {
      for (const ListenSocket& each : sockets) {
        ::close(each.fd);
      }
      return opened;
    }
    for (ListenSocket& socket : sockets) {
      listen_on(std::move(socket));
    }
    return {};
  }

  void listen_on(ListenSocket socket) {
    listeners_.push_back(
        std::make_shared<HostListener>(loop_, timers_, std::move(socket), options_.log,
                                       [this](int fd, Endpoint endpoint) { accept(fd, std::move(endpoint)); }));
  }

  // What `settings` names and nobody listens on yet, into `sockets`: a predecessor's, or opened.
  Result<void> open_addresses(const ServerSettings& settings, std::vector<ListenSocket>& sockets) {
    for (const ListenAddress& address : settings.listen) {
      const bool have = std::any_of(sockets.begin(), sockets.end(),
                                    [&](const ListenSocket& socket) { return socket.text == address.text; });
      const bool listening =
          std::ranges::any_of(listeners_, [&](const auto& listener) { return listener->text() == address.text; });
      if (have || listening || (!options_.inherited.empty() && settings.systemd_sockets)) {
        continue;
      }
      const auto left = std::ranges::find(options_.left, address.text, &NamedSockets::value_type::first);
      if (left != options_.left.end()) {
        auto socket = adopt_listen_socket(left->second);
        options_.left.erase(left);
        if (socket) {
          socket->text = address.text;
          socket->unlink_at_close = address.text.starts_with('/');
          sockets.push_back(std::move(*socket));
          continue;
        }
      }
      auto socket = open_listen_socket(address.text, settings.backlog, settings.socket_mode);
      if (!socket) {
        return pass(socket.error());
      }
      sockets.push_back(std::move(*socket));
    }
    return {};
  }

  ContextPtr make_context(std::shared_ptr<Site> site) {
    auto context = std::make_shared<Context>();
    context->loop = loop_;
    context->timers = timers_;
    context->log = options_.log;
    context->site = std::move(site);
    context->counters = context_ ? context_->counters : std::make_shared<Counters>();
    context->nonce_secret = context_ ? context_->nonce_secret : random_secret();
    context->started = context_ ? context_->started : std::chrono::system_clock::now();
    context->supervisor = supervisor_.get();
    context->access = [this](const RequestSettings& settings, const AccessRecord& record) {
      access_logs_.write(settings, record);
    };
    context->pool = &pool_;
    context->spool = read_spool_place(context->site->tree());
    for (const AppSpec* place : context->site->app_places()) {
      if (auto app = supervisor_->find(*place)) {
        context->apps.emplace(place, std::move(app));
      }
    }
    return context;
  }

  Result<void> use_certificates(const std::shared_ptr<Site>& site) {
    auto store = std::make_shared<TlsStore>(site, options_.settings.h2, options_.log);
    if (auto checked = store->check(addresses()); !checked) {
      return checked;
    }
    tls_ = std::move(store);
    return {};
  }

  void accept(int fd, Endpoint endpoint) {
    if (connections_.load(std::memory_order_relaxed) >= options_.settings.max_connections && !make_room()) {
      static constexpr std::string_view kBusy =
          "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      (void)::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      ::close(fd);
      return;
    }
    std::unique_ptr<TlsSession> session;
    if (tls_->secure(endpoint.socket)) {
      session = tls_->accept(fd, endpoint.socket);
      if (!session) {
        ::close(fd);
        return;
      }
    }
    std::make_shared<ClientConnection>(loop_, shared_, connection_context_, fd, std::move(endpoint), connections_,
                                       std::move(session))
        ->start();
  }

  // Closes a connection that waits for its next request.
  bool make_room() {
    for (net::Ticked* ticked : loop_->ticked()) {
      auto* connection = dynamic_cast<ClientConnection*>(ticked);
      if (connection != nullptr && connection->idle()) {
        connection->stop();
        return true;
      }
    }
    return false;
  }

  template <class Action>
  void each_connection(Action action) {
    const auto& all = loop_->ticked();
    for (std::size_t i = all.size(); i-- > 0;) {
      if (i < all.size()) {
        if (auto* connection = dynamic_cast<ClientConnection*>(all[i])) {
          action(*connection);
        }
      }
    }
  }

  void signal(int number) {
    switch (number) {
      case SIGHUP:
        tls_->refresh();
        access_logs_.reopen();
        if (options_.reopen_logs) {
          options_.reopen_logs();
        }
        break;
      case SIGUSR1:
        reload();
        break;
      case SIGUSR2:
        hand_over();
        break;
      case SIGCHLD:
        reap_strays();
        break;
      default:
        if (std::exchange(stopping_, true)) {
          finish();
        } else {
          begin_stop(number);
        }
    }
  }

  // Grandchildren that became ours (PR_SET_CHILD_SUBREAPER). Our own children are waited for through their
  // descriptors, so only processes that are not known to an app are taken here.
  void reap_strays() {
    siginfo_t info{};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
      if (is_app_process(info.si_pid)) {
        break;  // its watcher takes it, and a later SIGCHLD or second brings us here again
      }
      waitpid(info.si_pid, nullptr, WNOHANG);
      info = {};
    }
  }

  [[nodiscard]] bool is_app_process(pid_t pid) const {
    return supervisor_->owns(pid) || (guard_ && guard_->pid() == pid);
  }

  void begin_stop(int number) {
    options_.log.info(std::string("stopping (") + (number == SIGINT ? "SIGINT" : "SIGTERM") + "): finishing " +
                      std::to_string(context_->counters->active) + " requests");
    for (const auto& listener : listeners_) {
      listener->stop(!succeeded_);
    }
    each_connection([](ClientConnection& connection) { connection.stop(); });
    loop_->tick_fast();
    stop_by_ = Timers::Clock::now() + options_.drain;
    wait_for_connections();
  }

  void wait_for_connections() {
    if (connections_.load(std::memory_order_relaxed) > 0 && Timers::Clock::now() < stop_by_) {
      timers_->after(5ms, [this] { wait_for_connections(); });
      return;
    }
    supervisor_->stop(5s, [this] { finish(); });
  }

  void finish() {
    if (std::exchange(finished_, true)) {
      return;
    }
    each_connection([](ClientConnection& connection) { connection.abort(); });
    signals_->end();
    for (const auto& listener : listeners_) {
      listener->stop(!succeeded_);
    }
    timers_->close();
    loop_->quit();
  }

  void reload() {
    if (stopping_ || !options_.reload) {
      return;
    }
    auto [site, settings] = options_.reload();
    if (!site) {
      options_.log.error("the configuration stays as it was");
      return;
    }
    std::vector<ListenSocket> sockets;
    auto opened = open_addresses(settings, sockets);
    if (opened) {
      opened = supervisor_->configure(site->apps());
    }
    if (!opened) {
      for (const ListenSocket& each : sockets) {
        ::close(each.fd);
      }
      options_.log.error("the configuration stays as it was: " + opened.error().message);
      return;
    }
    if (auto used = use_certificates(site); !used) {
      options_.log.error("the certificates stay as they were: " + used.error().message);
    }
    access_logs_.prepare(site->tree());
    context_ = make_context(std::move(site));
    supervisor_->start();
    change_listeners(settings, std::move(sockets));
    supervisor_->retire(options_.drain);
    options_.log.info("configuration read again");
    give_back_start_pages();
  }

  // New addresses are listened on before old ones close; those of systemd stay.
  void change_listeners(const ServerSettings& settings, std::vector<ListenSocket> sockets) {
    if (options_.inherited.empty()) {
      std::erase_if(listeners_, [&](const auto& listener) {
        const bool named = std::ranges::any_of(
            settings.listen, [&](const ListenAddress& address) { return address.text == listener->text(); });
        if (!named) {
          options_.log.info("no longer serves on " + listener->text());
          listener->stop(true);
        }
        return !named;
      });
    }
    for (ListenSocket& socket : sockets) {
      options_.log.info("serves on " + socket.text);
      listen_on(std::move(socket));
      listeners_.back()->start();
    }
    options_.settings.listen = settings.listen;
  }

  // The program, perhaps a newer one, is started beside us with our sockets. When it serves, we finish and end.
  void hand_over() {
    if (stopping_ || handing_over_ || options_.command.empty()) {
      return;
    }
    NamedSockets sockets;
    for (const auto& listener : listeners_) {
      sockets.emplace_back(listener->text(), listener->fd());
    }
    for (const auto& app : supervisor_->apps()) {
      const auto own = app->tcp_sockets();
      sockets.insert(sockets.end(), own.begin(), own.end());
    }
    auto started = start_successor(loop_, options_.command, options_.environment, sockets, [this](bool good) {
      handing_over_ = false;
      if (!good) {
        options_.log.error("the new process did not get ready; this one goes on");
        return;
      }
      if (std::exchange(stopping_, true)) {
        return;
      }
      succeeded_ = true;
      // Nothing is in a hurry: the port is served. Clients of kept connections may ask once more and are told to go.
      connection_context_->last_chance = kLastChance;
      supervisor_->superseded();
      options_.log.info("the new process serves; this one ends");
      begin_stop(SIGTERM);
    });
    handing_over_ = started.has_value();
    if (!started) {
      options_.log.error(started.error().message + ": " + started.error().context);
    }
  }

  void every_second() {
    timers_->after(1s, [this] {
      access_logs_.flush();
      context_->small_files.forget_old();
      if (options_.idle_exit.count() > 0 && connections_.load() == 0 &&
          Timers::Clock::now() - last_request_ >= options_.idle_exit && !std::exchange(stopping_, true)) {
        options_.log.info("stopping: idle");
        begin_stop(SIGTERM);
      }
      rest();
      every_second();
    });
  }

  // A host that nobody asks keeps little in memory.
  void rest() {
    if (!rested_ && Timers::Clock::now() - last_request_ >= kRest) {
      rested_ = true;
      give_back_start_pages();
    }
  }

  HostOptions options_;
  std::shared_ptr<net::Loop> loop_;
  std::shared_ptr<Timers> timers_;
  AccessLogs access_logs_;
  WorkPool& pool_;
  std::shared_ptr<const net::Shared> shared_;
  std::shared_ptr<ConnectionContext> connection_context_;
  std::shared_ptr<Guard> guard_;
  std::unique_ptr<Supervisor> supervisor_;
  ContextPtr context_;
  std::shared_ptr<TlsStore> tls_;
  std::vector<std::shared_ptr<HostListener>> listeners_;
  std::shared_ptr<Signals> signals_;
  int signal_fd_ = -1;
  std::atomic<std::size_t> connections_{0};
  Timers::Clock::time_point last_request_ = Timers::Clock::now();
  Timers::Clock::time_point stop_by_{};
  bool rested_ = false;  // since the last request
  bool stopping_ = false;
  bool serving_ = false;
  bool handing_over_ = false;
  bool succeeded_ = false;
  bool finished_ = false;
};

}  // namespace

void block_host_signals() {
  const sigset_t set = host_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

Result<std::unique_ptr<HostServer>> make_host_server(HostOptions options, WorkPool& pool) {
  if (options.settings.max_connections == 0) {
    options.settings.max_connections = std::max<std::size_t>(16, options.settings.max_files / 2);
  }
  auto host = std::make_unique<Host>(std::move(options), pool);
  if (auto opened = host->open(); !opened) {
    return pass(opened.error());
  }
  return host;
}

}  // namespace microtome::host
