// SPDX-License-Identifier: Apache-2.0
// Tests a FastCGI app, black box: any app in the role of a responder, whatever it answers. Blocks; not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/app_connection.hpp"
#include "check/verdict.hpp"

namespace microtome::check {

// The app under test, and what was learned about it.
struct ResponderPeer {
  Address address;
  Params params;  // replace or add to what a web server would send
  std::string path = "/";
  Milliseconds patience{5000};
  // From GET_VALUES, when it answers.
  std::optional<bool> multiplexes;
  std::optional<long> max_connections;

  // CGI parameters of GET `path`, `extra` and then `params` put over them; a value of "\1" takes the name out.
  [[nodiscard]] Params cgi(const Params& extra = {}) const;
  // A whole request.
  [[nodiscard]] std::string request(std::uint16_t id, bool keep, const Params& extra = {}, std::string_view body = {},
                                    Cut cut = {}) const;
  [[nodiscard]] Result<AppConnection> connect() const { return open(patience); }
  [[nodiscard]] Result<AppConnection> open(Milliseconds waits) const;
  // Sends `bytes` on a connection of its own and waits for the answer to `id`.
  [[nodiscard]] Verdict whole(std::uint16_t id, std::string_view bytes) const;
  // The app still answers a plain request.
  [[nodiscard]] Verdict alive(std::string_view after) const;
};

// The request of `id` was answered by the book.
[[nodiscard]] Verdict fine(AppConnection& connection, std::uint16_t id);

struct CgiHead {
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;
  [[nodiscard]] const std::string* find(std::string_view name) const;
};
// What is wrong with it, or the head.
[[nodiscard]] std::expected<CgiHead, std::string> read_cgi_head(std::string_view out);

using ResponderRows = std::vector<Row<ResponderPeer>>;
[[nodiscard]] ResponderRows responder_basic_rows();
[[nodiscard]] ResponderRows responder_input_rows();
[[nodiscard]] ResponderRows responder_connection_rows();
[[nodiscard]] ResponderRows responder_hostile_rows();

}  // namespace microtome::check
