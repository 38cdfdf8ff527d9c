// SPDX-License-Identifier: Apache-2.0
// One HTTP/1.1 connection: requests in, answers out in their order, one at a time (requests that are pipelined wait
// in the socket and in a small buffer). It holds no buffer while it is idle.
//
// A client that closes its side (FIN) while its answer is being made counts as gone: the exchange is cancelled. TCP
// does not tell a client that has left from one that only stopped writing; when the answer is there all the same, it
// is sent, so that the second kind loses nothing but answers that had still to be computed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/body_source.hpp"
#include "net/co.hpp"
#include "net/connection.hpp"
#include "net/exchange.hpp"
#include "net/http_head.hpp"
#include "net/record.hpp"

namespace microtome::net {

class HttpConnection final : public Connection {
 public:
  using Connection::Connection;
  void start() override { run(); }
  // From the exchange.
  void answered(std::uint64_t serial, http::Response response);

 private:
  using Exchange = SocketExchange<HttpConnection>;

  // What exists only between the first byte of a request and the last of its answer. It lies in serve()'s frame.
  struct Turn {
    HeadScanner scanner;
    Head head;
    std::optional<Refusal> refusal;
    std::string body;
    std::optional<ChunkedReader> chunks;
    CancelToken cancel;
    std::optional<http::Response> answer;
    std::unique_ptr<SendQueue> out;
    // Of a produced answer:
    BodySource source;
    std::optional<BodySource::Pulled> pulled;
    Record record;
    std::uint64_t head_size = 0;  // bytes of the answer's head
    Clock::time_point progress;   // when the peer last took bytes of it
    bool chunked = false;
    bool keep = false;  // the connection serves another request
    bool fresh = true;  // in_ was not looked at yet
  };
  class TurnScope {
   public:
    TurnScope(HttpConnection& connection, Turn& turn) : connection_(connection) { connection.turn_ = &turn; }
    ~TurnScope() {
      connection_.turn_->record.end(connection_.options());
      connection_.turn_ = nullptr;
    }
    TurnScope(const TurnScope&) = delete;
    TurnScope& operator=(const TurnScope&) = delete;

   private:
    HttpConnection& connection_;
  };
  enum class Step { ready, wait, ended };

  Detached run();
  Next next_request();
  Co<bool> serve();
  Step take_input();
  bool take_head(std::string_view bytes, bool buffered);
  Co<bool> read_body();
  bool take_body();
  void send_continue();
  http::Request make_request();
  Co<bool> wait_answer();
  bool watch_client();

  bool queue_answer();
  void queue_head(http::Response& response, std::optional<std::uint64_t> length);
  bool end_answer(bool sent);
  [[nodiscard]] bool head_only(int status) const;
  Co<bool> drain();
  Co<bool> wait_sendable(SendQueue::Status status, std::uint64_t& seen);
  Co<bool> send_produced();
  Co<bool> first_piece();
  Co<bool> send_pieces();
  Co<bool> wait_produced(bool blocked, bool refused, std::uint64_t& seen);
  void queue_piece();
  bool begin_pull();
  bool take_pulled();
  Co<bool> pause();
  [[nodiscard]] HeadLimits limits() const { return {options().max_header, options().max_target}; }
  [[nodiscard]] std::weak_ptr<HttpConnection> weak() {
    return std::static_pointer_cast<HttpConnection>(shared_from_this());
  }

  std::string in_;  // received, not yet used
  Turn* turn_ = nullptr;
  std::uint64_t serial_ = 0;
  int in_a_row_ = 0;  // requests served without going back to the loop
  bool first_ = true;
  bool client_open_ = true;
  bool linger_ = false;
  bool reset_ = false;  // end with a reset: what was sent is not whole
};

}  // namespace microtome::net
