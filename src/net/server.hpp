// SPDX-License-Identifier: Apache-2.0
// Servers: HTTP/1.1 and FastCGI responder on one seam (http::Handler).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/work_pool.hpp"
#include "http/message.hpp"
#include "http/served.hpp"

namespace microtome::net {

enum class Speak { http, fastcgi };

// "127.0.0.1:8080", "[::]:8080", ":8080" (loopback), "*:8080", "unix:/path", "fd:0". A unix socket that nobody
// listens on any more is replaced, a living one is refused; it is unlinked when the server stops.
struct Listen {
  std::string address;
  Speak speak = Speak::http;
  int backlog = 2048;
  unsigned mode = 0;  // permission bits of a unix socket; 0: as the umask leaves them
};

struct ServerOptions {
  std::vector<Listen> listen;
  int loops = 1;  // event loop threads, SO_REUSEPORT where there are several
  // How long a loop rests between looks while more than 10,000 events a second come (Loop::gather); 0: never. Answers
  // come later by as much; each costs less.
  std::chrono::microseconds gather{0};
  std::string mount;                         // taken off the front of paths where present
  std::vector<std::string> trusted_proxies;  // addresses and CIDRs whose forwarding headers count; "unix" for sockets
  std::size_t max_header = 32 * 1024;        // bytes of request line and headers [431; target alone over 414]
  std::size_t max_target = 16 * 1024;
  std::size_t max_body = 1 << 20;  // [413]
  std::size_t max_connections = 10000;
  std::size_t max_params = 128 * 1024;    // FastCGI PARAMS
  int max_requests_per_connection = 256;  // FastCGI multiplexing, running at a time
  std::chrono::seconds header_deadline{20};
  std::chrono::seconds idle_deadline{75};
  std::chrono::seconds write_deadline{60};  // without progress
  std::chrono::seconds drain{30};           // after stop()
  // Called for every answer that has gone out, on a loop thread: must be quick and must not block. May be empty.
  std::function<void(const http::Served&)> served;
  bool keep_asked = false;  // Served::asked is wanted
};

class Server {
 public:
  virtual ~Server() = default;
  // Addresses really bound, e.g. "http://127.0.0.1:34567/" or "fastcgi unix:/run/x.sock".
  [[nodiscard]] virtual std::vector<std::string> addresses() const = 0;
  // Runs the loops until stop() has drained. Blocks.
  virtual void run() = 0;
  // Stops accepting, finishes what runs (at most `drain`), then run() returns. Safe from signal-handling threads.
  virtual void stop() = 0;
};

// Binds and listens; Code::io with a clear sentence when an address is in use or not allowed.
[[nodiscard]] Result<std::unique_ptr<Server>> make_server(const ServerOptions& options, http::Handler handler,
                                                          WorkPool& pool, Log log);

}  // namespace microtome::net
