// SPDX-License-Identifier: Apache-2.0
// Between a visit and what its answer comes from (a FastCGI app, an HTTP server behind). Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "host/cgi_head.hpp"
#include "host/spool.hpp"
#include "host/stream.hpp"

namespace microtome::host {

// Where an upstream puts its answer: the visit. Nothing happens before commit().
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual Stream& stream() = 0;
  // The head has come. False: the body is not wanted (a file, or an error page of ours, takes its place).
  virtual bool upstream_head(CgiHead head) = 0;
  virtual void upstream_body(std::string_view bytes) = 0;
  // So much waits for the client that the upstream should pause until drained().
  [[nodiscard]] virtual bool full() = 0;
  virtual void upstream_end() = 0;
  virtual void upstream_cut() = 0;  // broke off after upstream_head()
  // No answer will come; the status to give instead (502, 503, 504) and why, for the log.
  virtual void upstream_failed(int status, const std::string& reason) = 0;
  virtual void commit() = 0;
};

class Upstream {
 public:
  virtual ~Upstream() = default;
  virtual void start() = 0;
  virtual void body_arrived() = 0;
  virtual void drained() = 0;
  virtual void client_gone() = 0;  // the sink is not called any more
};

// The body of a request on its way to an upstream: as it comes from the client, or through a spool.
class RequestBody {
 public:
  struct Piece {
    std::string bytes;
    bool last = false;  // nothing comes behind it
  };
  explicit RequestBody(SpoolPlacePtr place) : spool_(std::move(place)) {}

  // Begins to read a body of `length` (nullopt: not known, so the upstream has to wait for all of it). True: nothing
  // is sent before arrived() says so; call that at once.
  [[nodiscard]] bool begin(Stream& stream, Keep keep, std::optional<std::uint64_t> length);
  // Keeps what has come, where it is kept. True: all of it is there now, and was waited for. Fails when it cannot be
  // kept; fault_status() says more.
  [[nodiscard]] Result<bool> arrived(Stream& stream);
  // What goes to the upstream next. Of a client that has gone (`answer` null) nothing comes but what is kept. Fails
  // when that cannot be read.
  [[nodiscard]] Result<Piece> next(AnswerSink* answer);

  // Through the spool: it can be sent again.
  [[nodiscard]] bool is_kept() const { return kept_; }
  [[nodiscard]] bool is_whole() const { return whole_; }
  // Of what is kept.
  [[nodiscard]] std::uint64_t size() const { return spool_.size(); }
  [[nodiscard]] int fault_status() const { return spool_.fault_status(); }
  void rewind() { spool_.rewind(); }
  void clear() { spool_.clear(); }

 private:
  Spool spool_;
  bool kept_ = false;
  bool waiting_ = false;  // until all is there
  bool whole_ = false;    // all of it is in the spool
};

}  // namespace microtome::host
