// SPDX-License-Identifier: Apache-2.0
// Between a visit and what its answer comes from (a FastCGI app, an HTTP server behind). Loop thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

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

// What of a request's body goes to the upstream next.
struct BodyPiece {
  std::string bytes;
  bool last = false;  // nothing comes behind it
};
// Out of `spool`, of which `whole` says that all of it is there; without a spool (null) as it comes from the client.
// Of a client that has gone (`answer` null) nothing comes. Fails when the spool cannot be read.
[[nodiscard]] Result<BodyPiece> next_of_body(Spool* spool, bool whole, AnswerSink* answer);

}  // namespace microtome::host
