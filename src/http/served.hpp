// SPDX-License-Identifier: Apache-2.0
// Trace: what the making of an answer tells about it. Served: what a transport tells when an answer has gone out.
// Times are of the wall clock, in microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace microtome::http {

// Handlers fill it in; it goes along with the response. The texts are static.
struct Trace {
  std::string_view protocol;  // "iip", "iiif"...; "" = nobody said
  std::string_view plan;      // how a picture was made: "passthrough", "cached"...; "" = it is none
  std::int64_t queue_us = 0;  // it waited for a thread, for memory, or for equal work
  std::int64_t work_us = 0;   // a worker made it
};

// Who asked for what.
struct Asked {
  std::string method;
  std::string target;   // as it came, without a mount that was taken off
  std::string version;  // "HTTP/1.1"
  std::string remote;   // address; "" of a unix socket
  std::string referer;
  std::string agent;
};

struct Served {
  const Asked* asked = nullptr;  // null: the transport was not told to keep it
  int status = 0;                // 499: the client left before there was an answer
  bool whole = false;            // the kernel has taken all of it
  std::uint64_t bytes = 0;       // of the body, with its framing, as far as they went
  Trace trace;
  std::int64_t plan_us = 0;  // from the whole request to its answer, without the trace's queue and work
  std::int64_t send_us = 0;  // from the answer to its last byte
  [[nodiscard]] std::int64_t total_us() const { return plan_us + trace.queue_us + trace.work_us + send_us; }
};

}  // namespace microtome::http
