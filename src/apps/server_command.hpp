// SPDX-License-Identifier: Apache-2.0
// serve and fcgi: wires roots, engine, protocols and transports together and runs until a signal says stop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/settings.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "http/message.hpp"
#include "net/server.hpp"
#include "protocol/protocol.hpp"

namespace microtome::apps {

struct ServerPlan {
  Settings settings;
  std::vector<std::string> roots;
  net::ServerOptions server;
  int threads = 0;             // of the work pool; 0 = one per core, at least 2
  bool make_pyramids = false;  // as the settings say; false: never, whatever they say
  bool as_wlziipsrv = false;   // started under that name
  bool ready_line = true;      // "listening on ..." on standard output
};

// Engine and protocols without a transport; `pool` and `log` must outlive the handler.
[[nodiscard]] Result<http::Handler> make_handler(const ServerPlan& plan, WorkPool& pool, const Log& log,
                                                 std::shared_ptr<const protocol::Traffic> traffic = nullptr);

// SIGTERM, SIGINT, SIGUSR1, SIGHUP are to be blocked in every thread; run_server waits for them. Call it first in
// main.
void block_signals();

// Returns the exit code: 0 after a drained stop, 1 when it could not start (the reason is on standard error).
[[nodiscard]] int run_server(const ServerPlan& plan);

}  // namespace microtome::apps
