// SPDX-License-Identifier: Apache-2.0
// Stream: one request of a client and where its answer goes, whatever carries it (HTTP/1.1, HTTP/2). Loop thread
// only.
//
// Nothing of what a user does to a stream happens before commit(): that is the last call of a user's function, as it
// may run anything else, even end the user.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "host/rate.hpp"
#include "http/message.hpp"
#include "net/http_head.hpp"

namespace microtome::host {

// How a client reached us.
struct Endpoint {
  std::string remote_address;  // "" for a unix socket
  int remote_port = 0;
  std::string local_address;
  int local_port = 0;
  std::string socket;  // the listening address as configured
  bool secure = false;
  bool secure_before = false;    // TLS ends at a proxy that is trusted
  bool client_verified = false;  // its certificate is signed by our CA
  bool unix_socket = false;
};

// Limits that the settings of a request may change for its connection.
struct ConnectionLimits {
  std::chrono::seconds keep_alive_idle{5};
  std::chrono::seconds read_idle{60};
  std::chrono::seconds write_idle{360};
  int max_requests = 1000;
  std::uint64_t bytes_per_second = 0;  // 0: as many as the client takes
  std::shared_ptr<Rate> shared_rate;   // with other connections; null: none
};

// What a stream tells its user.
class StreamUser {
 public:
  virtual ~StreamUser() = default;
  virtual void body_arrived() = 0;                            // more of the body can be taken, or it has ended
  virtual void drained() = 0;                                 // unsent() has become small again
  virtual void client_gone() = 0;                             // nobody reads the answer; the last call
  virtual void finished(bool whole, std::uint64_t sent) = 0;  // the answer is with the kernel, or cut; the last call
};

class Stream {
 public:
  virtual ~Stream() = default;
  [[nodiscard]] virtual net::Head& head() = 0;
  [[nodiscard]] virtual const Endpoint& endpoint() const = 0;
  [[nodiscard]] virtual const char* protocol() const = 0;  // "HTTP/1.1"

  // The body. want_body() lets the stream read on (and sends 100 Continue); at most about 64 KiB are kept here.
  virtual void want_body() = 0;
  [[nodiscard]] virtual std::string take_body() = 0;
  [[nodiscard]] virtual bool body_ended() const = 0;
  [[nodiscard]] virtual bool has_body() const = 0;
  virtual void limit_body(std::uint64_t bytes) = 0;  // 413 above it; 0: none

  // The answer, whole.
  virtual void respond(http::Response response) = 0;
  // The answer, as it comes. `length`: bytes that will be written, where known.
  virtual void begin(http::Response head, std::optional<std::uint64_t> length) = 0;
  virtual void write(std::string_view bytes) = 0;
  virtual void end() = 0;
  // Before begin() with status 101: behind it the bytes of both sides pass as they are, and the connection ends with
  // them. False: this stream cannot.
  virtual bool tunnel(const std::string& /*protocol*/) { return false; }
  virtual void cut() = 0;  // it cannot be finished: the client must see that
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  [[nodiscard]] virtual bool begun() const = 0;
  virtual void commit() = 0;
  // For the connection behind it.
  virtual void limits(const ConnectionLimits& limits) = 0;
};

}  // namespace microtome::host
