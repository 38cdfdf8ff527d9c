// SPDX-License-Identifier: Apache-2.0
// A plain HTTP/1.1 client that notices whether an answer is whole. Blocks; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check/wire.hpp"

namespace microtome::check {

struct Reply {
  int status = 0;                                           // 0: no answer
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;
  bool whole = false;     // framed by Content-Length or chunks, and all there
  bool by_close = false;  // only the end of the connection says where the body ends
  bool reset = false;
  std::string extra;  // bytes behind a whole body
  std::string fault;  // why it cannot be understood
  [[nodiscard]] const std::string* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool chunked = false;
  bool kept = false;    // without "Connection: close"
  bool expect = false;  // waits for 100 Continue before the body
};

struct HttpPeer {
  Address address;
  std::string host;    // of the Host field
  std::string prefix;  // path of the app
  Milliseconds patience{10'000};

  [[nodiscard]] std::string text_of(const HttpRequest& request) const;
  // On a connection of its own, "Connection: close".
  [[nodiscard]] Reply ask(const HttpRequest& request) const;
  // GET prefix?query
  [[nodiscard]] Reply get(std::string_view query) const;
};

// Reads one answer; `head_only`: to HEAD.
[[nodiscard]] Reply read_reply(Wire& wire, std::string& in, bool head_only, Milliseconds patience);

// "http://host[:port]/path". Code::bad_request.
[[nodiscard]] Result<HttpPeer> parse_url(std::string_view url);

}  // namespace microtome::check
