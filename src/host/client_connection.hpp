// SPDX-License-Identifier: Apache-2.0
// ClientConnection: an HTTP/1.1 connection of the host: heads are parsed by net (strict), bodies and answers are
// streamed in both directions. Loop thread only.
//
// A client that closes its side before the answer has begun counts as gone, unless it had said that it would close
// (HTTP/1.0, Connection: close): then it may only have stopped writing.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "host/stream.hpp"
#include "host/tls.hpp"
#include "net/body_source.hpp"
#include "net/co.hpp"
#include "net/connection.hpp"
#include "net/http_head.hpp"

namespace microtome::host {

class ClientConnection;
class H2Session;

// What connections need of the server.
struct ConnectionContext {
  // Makes who answers a request. The stream stays valid until its last call.
  std::function<std::shared_ptr<StreamUser>(const std::shared_ptr<Stream>&)> serve;
  bool h2c = true;  // HTTP/2 without TLS
  // Whether a connection begins with a header of the PROXY protocol; null: none does.
  std::function<bool(const Endpoint&)> proxied;
  // How long a kept connection may bring one more request when we stop.
  std::chrono::milliseconds last_chance{0};
  // Calls a function once, that much later.
  std::function<void(net::Clock::duration, std::function<void()>)> after;
  // A request that was refused by the parser, for the access log.
  std::function<void(const Endpoint&, int status)> refused;
};

constexpr std::size_t kBodyBuffer = 64 * 1024;  // bytes of a body that wait for their user

class ClientConnection final : public net::Connection {
 public:
  ClientConnection(std::shared_ptr<net::Loop> loop, std::shared_ptr<const net::Shared> shared,
                   std::shared_ptr<const ConnectionContext> context, int fd, Endpoint endpoint,
                   std::atomic<std::size_t>& count, std::unique_ptr<TlsSession> tls = nullptr);
  ~ClientConnection() override;
  void start() override { run(); }

  class RequestStream;

 private:
  // What exists only between the first byte of a request and the last of its answer.
  struct Turn {
    net::HeadScanner scanner;
    net::Head head;
    std::optional<net::Refusal> refusal;
    bool blank_line_seen = false;  // before the request line: one is forgiven
    std::optional<net::ChunkedReader> chunks;
    std::shared_ptr<StreamUser> user;
    std::shared_ptr<RequestStream> stream;
    // The request's body.
    std::string body;
    std::uint64_t body_read = 0;
    std::uint64_t body_limit = 0;
    net::Clock::time_point body_begin;
    bool body_ended = true;
    bool body_wanted = false;
    bool continued = false;
    // The answer.
    std::optional<http::Response> response;
    bool whole = false;  // `response` has its body in it
    std::optional<std::uint64_t> length;
    bool begun = false;
    bool ended = false;
    bool cut = false;
    bool keep = false;
    bool chunked = false;
    bool head_only = false;
    std::uint64_t written = 0;
    std::unique_ptr<net::SendQueue> out;
    std::string pending;  // written and not yet framed
    std::string tunnel;   // the protocol that follows a 101; empty: none
    net::Clock::time_point progress;
    std::uint64_t seen = 0;
  };

  net::Detached run();
  net::Co<bool> read_proxy();
  net::Co<bool> handshake();
  // HTTP/2 (client_h2.cpp).
  void start_h2();
  [[nodiscard]] std::optional<bool> is_preface(std::string_view bytes) const;
  bool upgrade_to_h2();
  net::Co<bool> serve_h2();
  net::Co<unsigned> wait_h2(net::SendQueue& out, net::SendQueue::Status status, net::Clock::time_point progress);
  bool read_h2();
  void stop_h2();
  bool expire_h2(net::SendQueue::Status status, net::Clock::time_point progress);
  net::Co<bool> await_request();
  net::Co<bool> serve();
  net::Co<bool> read_head();
  bool take_head(std::string_view bytes, bool buffered);
  bool skip_blank_line(std::string_view& bytes, bool& buffered);
  net::Co<bool> refuse();
  net::Co<bool> exchange();
  net::Co<bool> wait_for_something(net::SendQueue::Status status);
  bool read_input();
  bool take_body();
  void send_head();
  void send_switch();
  void frame();
  // Through TLS, where there is any.
  Got receive(std::span<char>& got, std::size_t limit = SIZE_MAX);
  net::SendQueue::Status flush(net::SendQueue& queue);
  // After Status::blocked: wakes by kWritable or kAnswered when more may be sent.
  void await_room(const net::SendQueue& queue);
  void wake_soon();
  [[nodiscard]] bool budget_spent(const net::SendQueue& queue) const;
  void use_limits(const ConnectionLimits& limits);
  std::size_t allowed_to_send();
  void send_now(std::string_view text);
  void give_up_user();
  void expire();
  [[nodiscard]] bool wants_input() const;
  [[nodiscard]] net::HeadLimits limits() const { return {options().max_header, options().max_target, true, true}; }

  std::shared_ptr<const ConnectionContext> context_;
  Endpoint endpoint_;
  std::unique_ptr<TlsSession> tls_;
  ConnectionLimits limits_;
  std::optional<Rate> rate_;
  bool limited_ = false;       // not the socket, but a rate is what flush() waits for
  bool timer_is_set_ = false;  // for that
  std::string in_;
  std::unique_ptr<Turn> turn_;
  std::unique_ptr<H2Session> h2_;
  net::Clock::time_point h2_stop_at_ = net::Clock::time_point::max();
  net::Clock::time_point h2_idle_since_ = net::Loop::now();
  int served_ = 0;
  bool client_open_ = true;
  bool half_closed_ = false;  // the client has stopped writing
  bool linger_ = false;
  bool reset_ = false;
};

}  // namespace microtome::host
