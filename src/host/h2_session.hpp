// SPDX-License-Identifier: Apache-2.0
// H2Session: HTTP/2 (RFC 9113, by nghttp2) of one connection: bytes in, bytes out, and a Stream for each request. It
// knows no socket. Loop thread only.
//
// Requests are put into HTTP/1.1's words and go through the same strict parser as those of HTTP/1.1, so there is one
// judgement of methods, targets, hosts and lengths.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "host/stream.hpp"
#include "net/http_head.hpp"
#include "net/loop.hpp"

struct nghttp2_session;

namespace microtome::host {

class H2Stream;

struct H2Limits {
  net::HeadLimits head;
  std::uint32_t streams = 100;               // at a time
  std::chrono::seconds header_deadline{20};  // of a block of headers, and of a body's first bytes
};

class H2Session {
 public:
  struct Links {
    std::function<std::shared_ptr<StreamUser>(const std::shared_ptr<Stream>&)> serve;
    std::function<void(const Endpoint&, int status)> refused;
    std::function<void()> wake;  // a user has done something: service() has to be called
    std::function<std::unique_ptr<net::SendQueue>()> queue;
    std::function<std::string()> date;
    std::function<void(const ConnectionLimits&)> limits;
  };
  H2Session(Links links, Endpoint endpoint, H2Limits limits, Log log);
  ~H2Session();
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  // The first request came as HTTP/1.1 with Upgrade: h2c; `settings` is its HTTP2-Settings. False: not acceptable.
  bool upgrade(std::string_view settings, net::Head head);
  // Takes bytes of the client, and calls users. False: the connection cannot go on (there may be output left).
  bool feed(std::string_view bytes);
  // Does what users asked for.
  void service();
  // Moves output to `queue`, about `most` bytes of it.
  void produce(net::SendQueue& queue, std::size_t most);
  // Nothing more is to be sent or expected.
  [[nodiscard]] bool finished() const;
  // No request is being received or answered.
  [[nodiscard]] bool idle() const { return streams_.empty() && !opening_; }
  // Tells the client that stop() will come.
  void announce_stop();
  // No new requests; those that run are answered.
  void stop();
  [[nodiscard]] bool stopping() const { return stopping_; }
  // The connection is dead.
  void client_gone();
  // Requests whose bodies or headers come too slowly are given up. Returns when to call again.
  net::Clock::time_point expire(net::Clock::time_point now);
  // A range of a file that has to be brought into memory before its stream goes on.
  [[nodiscard]] std::optional<io::FileRange> cold() const;
  void warmed();
  // Some answer waits for the client's windows, or for the socket.
  [[nodiscard]] bool has_unsent() const;
  [[nodiscard]] std::uint64_t data_sent() const { return data_sent_; }  // bytes of bodies
  // Bytes of the client have arrived.
  [[nodiscard]] bool begun() const { return begun_; }
  [[nodiscard]] int served() const { return served_; }

  // For H2Stream.
  void committed(std::int32_t id);
  void consumed(std::int32_t id, std::size_t bytes);
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] const Links& links() const { return links_; }

 private:
  struct Callbacks;
  static constexpr double kMostResets = 1000;  // requests taken back at once: a viewer that scrubs takes back many
  static constexpr double kMostNoise = 2000;   // frames that ask for nothing
  struct Bucket {
    double tokens;
    double rate;  // a second
    net::Clock::time_point at;
    bool take(net::Clock::time_point now, double most);
  };
  void dispatch();
  void begin_request(std::shared_ptr<H2Stream> stream);
  void answer(std::shared_ptr<H2Stream> stream);
  void submit_head(H2Stream& stream);
  void drop(std::int32_t id, bool whole);
  void calm_down(const char* why);
  void remember_windows();
  void check_windows(std::uint32_t initial);
  H2Stream* find(std::int32_t id);

  Links links_;
  Endpoint endpoint_;
  H2Limits limits_;
  Log log_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, std::shared_ptr<H2Stream>> streams_;
  std::vector<std::int32_t> opened_;   // whose requests are to be begun
  std::vector<std::int32_t> touched_;  // whose bodies have grown
  std::vector<std::int32_t> dirty_;    // whose users have done something
  std::vector<std::pair<std::int32_t, bool>> closed_;
  std::int32_t opening_ = 0;  // a block of headers is being received
  net::Clock::time_point opening_since_;
  std::uint64_t data_sent_ = 0;
  Bucket resets_;
  Bucket noise_;
  std::int32_t last_id_ = 0;
  std::int64_t widest_ = 0;  // window of a stream, less the initial one, when the last SETTINGS frame came
  std::vector<std::pair<std::int32_t, std::int32_t>> skipped_;  // ids that were never used, and are closed by that
  int served_ = 0;
  bool begun_ = false;
  bool dead_ = false;
  bool stopping_ = false;
};

}  // namespace microtome::host
