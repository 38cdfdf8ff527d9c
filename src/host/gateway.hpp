// SPDX-License-Identifier: Apache-2.0
// GatewayRun: one request on its way through a FastCGI app: waits for a process, sends the request, follows the
// answer, and tries once more where that is safe. Loop thread only.
//
// A request is tried again, on another or new process, when the connection failed before any byte of the answer and
// nothing of a body was sent, and its method is safe; never after bytes went to the client.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/app.hpp"
#include "host/cgi_head.hpp"
#include "host/fcgi_client.hpp"
#include "host/spool.hpp"
#include "host/upstream.hpp"

namespace microtome::host {

struct GatewayRequest {
  std::vector<std::shared_ptr<App>> apps;  // in the order they are to be tried
  net::fcgi::Role role = net::fcgi::Role::responder;
  bool safe = true;   // GET, HEAD, OPTIONS: may be tried twice
  bool head = false;  // no body belongs to the answer
  // The encoded variables, for an app; the length of the body is known by then.
  std::function<std::string(const App&, std::optional<std::uint64_t> content_length)> params;
  std::optional<std::uint64_t> content_length;  // of the body; nullopt: not known, it is kept until it is whole
  Keep keep = Keep::little;                     // of the body
  SpoolPlacePtr spool;                          // where
  std::string name;                             // for the log: the path
  int debug = 0;
};

class GatewayRun final : public Upstream, public FcgiSink, public std::enable_shared_from_this<GatewayRun> {
 public:
  GatewayRun(GatewayRequest request, AnswerSink& answer);
  ~GatewayRun() override;

  void start() override;
  void body_arrived() override;
  void drained() override;
  void client_gone() override;

  void app_stdout(ByteView bytes) override;
  void app_stderr(ByteView bytes) override;
  void app_ended(const net::fcgi::EndRequest& end) override;
  void app_broken(Broken why) override;
  void app_drained() override;
  void commit() override;

 private:
  enum class State { body, queue, running, done };
  struct Failure {
    int status;
    std::string reason;
  };
  void enqueue();
  void granted(Lease lease);
  void refused(int status);
  void send_body();
  void take_head(std::string_view bytes);
  void take_body(std::string_view bytes);
  void end_of_answer();
  void fail(int status, std::string reason);
  void watch_time();
  void time_is_up();
  void kill_hung();
  void try_again();
  void ask_how_it_ended();
  [[nodiscard]] bool may_try_again() const;
  void let_go();
  [[nodiscard]] App& app() { return *request_.apps[app_at_]; }
  [[nodiscard]] std::string label();

  GatewayRequest request_;
  AnswerSink* answer_;  // null when the client is gone
  State state_ = State::body;
  std::size_t app_at_ = 0;
  TicketPtr ticket_;
  Lease lease_;
  std::shared_ptr<FcgiClient> client_;
  std::uint16_t id_ = 0;
  int tries_ = 0;
  int connects_ = 0;
  bool fresh_ = false;  // no kept connection for the next try
  Timers::Clock::time_point queued_since_{};
  Timers::Clock::time_point granted_at_{};
  Timers::Clock::time_point last_activity_{};
  Timers::Id timer_ = 0;

  // The body of the request.
  RequestBody body_;
  bool body_sent_ = false;   // something of it
  bool body_ended_ = false;  // its end was sent

  // The answer.
  CgiHeadReader head_;
  bool head_done_ = false;
  bool wanted_ = true;  // the sink wants the body
  bool any_output_ = false;
  std::optional<std::uint64_t> left_;  // of Content-Length
  bool has_length_ = false;
  bool too_long_ = false;
  std::unique_ptr<net::ChunkedReader> chunks_;
  std::string chunk_rest_;
  std::string error_line_;
  // What commit() does.
  bool answer_changed_ = false;
  bool finished_ = false;
  std::optional<Failure> failure_;
  bool retry_ = false;
  bool ask_ = false;  // tried again once already: only if somebody has killed the process
  bool hold_ = false;
};

}  // namespace microtome::host
