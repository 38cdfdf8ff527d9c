// SPDX-License-Identifier: Apache-2.0
// One connection of a web server to us as its FastCGI responder: many requests at a time, whatever the order in which
// their records come, answered fairly in turn. Loop thread only.
//
// - A request is answered as soon as its STDIN has ended; what still comes for an id that is answered is swallowed.
// - Without KEEP_CONN the connection is closed when its last answer has been taken in by the kernel, and after the
// web
//   server's side was read to its end, as a reset could destroy the answer.
// - A web server that closes the connection cancels its requests; ABORT_REQUEST cancels one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/body_source.hpp"
#include "net/co.hpp"
#include "net/connection.hpp"
#include "net/exchange.hpp"
#include "net/fcgi_records.hpp"
#include "net/record.hpp"

namespace microtome::net {

class FcgiConnection final : public Connection {
 public:
  // `overloaded`: every request is answered with END_REQUEST, OVERLOADED.
  FcgiConnection(std::shared_ptr<Loop> loop, std::shared_ptr<const Shared> shared, int fd, Peer peer,
                 std::atomic<std::size_t>& count, bool overloaded);
  void start() override { run(); }
  // From the exchange.
  void answered(std::uint64_t serial, http::Response response);

 private:
  // One request, from BEGIN_REQUEST until END_REQUEST is queued.
  struct Active {
    std::uint16_t id = 0;
    std::uint64_t serial = 0;
    Clock::time_point begun;
    std::string params;
    std::uint64_t received = 0;  // bytes of STDIN
    std::optional<http::Request> request;
    std::optional<std::uint64_t> content_length;
    bool head_only = false;
    bool handed_over = false;  // to the handler, or answered by ourselves
    CancelToken cancel;
    // The answer.
    std::string head;  // CGI header block, until it is queued
    bool has_answer = false;
    bool head_sent = false;
    BodySource source;
    std::optional<http::Response> waiting;  // for the first piece of its producer
    std::optional<BodySource::Pulled> pulled;
    bool wants_pull = false;  // the pool was full
    Record record;
  };

  Detached run();
  Co<bool> drain_input();
  SendQueue::Status push();
  unsigned interests(SendQueue::Status status);
  void set_next_deadline(bool blocked);
  void expire();

  // Input (fcgi_connection.cpp). False: the connection cannot go on.
  bool read_input();
  bool take_bytes(ByteView bytes);
  bool take_record(const fcgi::Piece& piece);
  void take_management(const fcgi::Piece& piece);
  bool begin(const fcgi::Piece& piece);
  void take_params(Active& active, const fcgi::Piece& piece);
  void take_stdin(Active& active, const fcgi::Piece& piece);
  void hand_over(Active& active);
  void peer_ended();
  Active* find(std::uint16_t id);
  Active* find_serial(std::uint64_t serial);
  void remove(Active& active);

  // Output (fcgi_send.cpp).
  void answer(Active& active, http::Response response);
  void answer_with(Active& active, http::Response response);
  void refuse(Active& active, int status, const char* message);
  void begin_pull(Active& active);
  void take_pulled(Active& active);
  void fill();
  bool fill_from(Active& active, std::uint64_t most);
  void end(Active& active, std::uint32_t app_status);
  [[nodiscard]] bool ready_to_send(const Active& active) const;
  [[nodiscard]] bool finished() const;
  [[nodiscard]] std::weak_ptr<FcgiConnection> weak() {
    return std::static_pointer_cast<FcgiConnection>(shared_from_this());
  }

  fcgi::RecordReader reader_;
  std::vector<std::unique_ptr<Active>> active_;
  std::size_t turn_ = 0;  // whose record is next
  std::unique_ptr<SendQueue> out_;
  std::uint64_t sent_before_ = 0;
  Clock::time_point progress_;
  std::uint64_t serial_ = 0;
  bool overloaded_;
  bool keep_ = true;     // the web server owns the connection
  bool used_ = false;    // a request has begun on it
  bool open_ = true;     // the web server may still send
  bool unread_ = false;  // an answer was given before all of its STDIN had come
  bool warming_ = false;
  bool cut_ = false;
};

}  // namespace microtome::net
