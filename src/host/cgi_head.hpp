// SPDX-License-Identifier: Apache-2.0
// The head of a CGI answer: header lines up to a blank one, "Status:" instead of a status line. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace microtome::host {

struct CgiHead {
  int status = 200;
  http::Headers headers;  // without those that belong to the connection, Content-Length and Status
  std::optional<std::uint64_t> content_length;
  bool chunked = false;           // the body is framed in chunks, against the rules
  bool interim = false;           // a status line of 1xx (HTTP only)
  bool switches = false;          // 101: behind the head another protocol is spoken (HTTP only)
  std::string upgrade;            // to which one
  std::string connection;         // the Connection field (HTTP only): names of fields that end here
  bool nph = false;               // began with "HTTP/1.x 200": tolerated
  std::string send_file;          // X-Sendfile, X-LIGHTTPD-send-file, X-Sendfile2 or X-Accel-Redirect
  bool send_file_by_url = false;  // X-Accel-Redirect
  bool send_file_parts = false;   // X-Sendfile2: "/path 0-99, /other 5-", paths percent-encoded
  http::Headers variables;        // Variable-NAME: what an authorizer hands on
};

// Collects the head from pieces of any size.
class CgiHeadReader {
 public:
  enum class State { more, done, bad };
  // `http`: of an HTTP server, whose interim answers (1xx) are no fault.
  explicit CgiHeadReader(bool http = false) : http_(http) {}
  // Takes bytes off the front of `bytes`; behind `done` what is left is the body.
  State feed(std::string_view& bytes);
  [[nodiscard]] CgiHead& head() { return head_; }
  // Why it is bad: for the log.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  State finish(std::string_view text);
  bool line(std::string_view line, bool first);
  bool field(std::string_view name, std::string_view value);
  bool connection_field(std::string_view name, std::string_view value);
  State bad(std::string why);
  bool http_;
  std::string text_;
  std::size_t scanned_ = 0;
  CgiHead head_;
  bool status_given_ = false;
  std::string fault_;
};

}  // namespace microtome::host
