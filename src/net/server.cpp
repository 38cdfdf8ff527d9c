// SPDX-License-Identifier: Apache-2.0
#include "net/server.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include "net/acceptor.hpp"
#include "net/forwarding.hpp"
#include "net/listener.hpp"

namespace microtome::net {
namespace {

// Deadlines are looked at this often: a quarter of the shortest, between 50 ms and 1 s.
std::chrono::milliseconds tick_interval(const ServerOptions& options) {
  const auto shortest =
      std::min({options.header_deadline, options.idle_deadline, options.write_deadline, options.drain});
  return std::clamp<std::chrono::milliseconds>(std::chrono::milliseconds(shortest) / 4, std::chrono::milliseconds(50),
                                               std::chrono::milliseconds(1000));
}

// One thread's part of the server. While it drains it is ticked, and quits the loop when nothing is left.
class Lane final : public Ticked {
 public:
  Lane(std::shared_ptr<Loop> loop, std::shared_ptr<const Shared> shared)
      : loop_(std::move(loop)), shared_(std::move(shared)) {}

  void add(std::unique_ptr<Listener> listener, Census& census) {
    acceptors_.push_back(std::make_shared<Acceptor>(loop_, shared_, std::move(listener), census));
  }

  void run() {
    for (const auto& acceptor : acceptors_) {
      acceptor->start();
    }
    loop_->run();
  }

  void stop() {
    loop_->post([this] { begin_drain(); });
  }

  void tick(Clock::time_point now) override {
    if (now >= drain_until_) {
      each([](Connection& connection) { connection.abort(); });
    }
    finish_if_empty();
  }

 private:
  template <class Action>
  void each(Action action) {
    // Connections leave the list while they end; a copy of it would keep pointers to them.
    const auto& all = loop_->ticked();
    for (std::size_t i = all.size(); i-- > 0;) {
      if (i < all.size()) {
        if (auto* connection = dynamic_cast<Connection*>(all[i])) {
          action(*connection);
        }
      }
    }
  }

  void begin_drain() {
    if (draining_) {
      return;
    }
    draining_ = true;
    drain_until_ = Loop::now() + shared_->options.drain;
    for (const auto& acceptor : acceptors_) {
      acceptor->close();
    }
    each([](Connection& connection) { connection.stop(); });
    loop_->add(*this);
    loop_->tick_fast();
    finish_if_empty();
  }

  void finish_if_empty() {
    if (loop_->ticked().size() == 1) {
      loop_->remove(*this);
      loop_->quit();
    }
  }

  std::shared_ptr<Loop> loop_;
  std::shared_ptr<const Shared> shared_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  bool draining_ = false;
  Clock::time_point drain_until_;
};

class SocketServer final : public Server {
 public:
  explicit SocketServer(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

  Result<void> open() {
    const ServerOptions& options = shared_->options;
    const int loops = std::max(1, options.loops);
    for (int i = 0; i < loops; ++i) {
      auto loop = std::make_shared<Loop>(tick_interval(options));
      loop->gather(options.gather);
      if (!loop->usable()) {
        return fail(Code::io, "cannot start: too many open files");
      }
      lanes_.push_back(std::make_unique<Lane>(std::move(loop), shared_));
    }
    for (const Listen& listen : options.listen) {
      auto listener = Listener::open(listen, loops > 1);
      if (!listener) {
        return std::unexpected(listener.error());
      }
      addresses_.push_back((*listener)->shown());
      for (int i = 1; i < loops; ++i) {
        auto more = (*listener)->again();
        if (!more) {
          return std::unexpected(more.error());
        }
        lanes_[static_cast<std::size_t>(i)]->add(std::move(*more), census_);
      }
      lanes_[0]->add(std::move(*listener), census_);
    }
    return {};
  }

  [[nodiscard]] std::vector<std::string> addresses() const override { return addresses_; }

  void run() override {
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < lanes_.size(); ++i) {
      threads.emplace_back([&lane = *lanes_[i]] { lane.run(); });
    }
    lanes_[0]->run();
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

  void stop() override {
    for (const auto& lane : lanes_) {
      lane->stop();
    }
  }

 private:
  std::shared_ptr<const Shared> shared_;
  Census census_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::string> addresses_;
};

}  // namespace

Result<std::unique_ptr<Server>> make_server(const ServerOptions& options, http::Handler handler, WorkPool& pool,
                                            Log log) {
  auto trusted = AddressSet::parse(options.trusted_proxies);
  if (!trusted) {
    return pass(trusted.error(), "trusted proxies");
  }
  const char* names = std::getenv("FCGI_WEB_SERVER_ADDRS");  // NOLINT(concurrency-mt-unsafe): read at the start only
  auto web_servers = AddressSet::parse(std::string_view(names != nullptr ? names : ""));
  if (!web_servers) {
    return fail(Code::bad_request, "FCGI_WEB_SERVER_ADDRS: " + web_servers.error().message);
  }
  ServerOptions checked = options;
  checked.mount = clean_prefix(options.mount);
  if (checked.mount.empty() && !options.mount.empty() && options.mount != "/") {
    return fail(Code::bad_request, "not a path to mount at: " + options.mount);
  }
  if (options.listen.empty()) {
    return fail(Code::bad_request, "no address to listen on");
  }
  auto shared = std::make_shared<const Shared>(std::move(checked), std::move(handler), pool, std::move(log),
                                               std::move(*trusted), std::move(*web_servers));
  auto server = std::make_unique<SocketServer>(std::move(shared));
  if (auto opened = server->open(); !opened) {
    return std::unexpected(opened.error());
  }
  return server;
}

}  // namespace microtome::net
