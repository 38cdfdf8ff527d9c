// SPDX-License-Identifier: Apache-2.0
// Tests a web server, black box: HTTP requests at it, and the probe app (probe_app.hpp) behind it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "check/http_peer.hpp"
#include "check/verdict.hpp"

namespace microtome::check {

struct GatewayPeer {
  HttpPeer http;
};

// What the probe app saw of a request.
struct Seen {
  int role = 0;
  std::uint64_t body = 0;
  std::string hash;
  std::map<std::string, std::string> params;
  [[nodiscard]] const std::string* find(const std::string& name) const;
};
// The answer of `do=echo`; why it is none.
[[nodiscard]] std::expected<Seen, std::string> read_echo(const Reply& reply);
// Lines of `do=notes` that begin with `kind`, without it.
[[nodiscard]] std::vector<std::string> notes(const GatewayPeer& peer, std::string_view kind);
// "status 502", "no answer", ...
[[nodiscard]] std::string told(const Reply& reply);

using GatewayRows = std::vector<Row<GatewayPeer>>;
[[nodiscard]] GatewayRows gateway_request_rows();
[[nodiscard]] GatewayRows gateway_body_rows();
[[nodiscard]] GatewayRows gateway_answer_rows();
[[nodiscard]] GatewayRows gateway_broken_rows();
// After all others: what the app noted about records.
[[nodiscard]] GatewayRows gateway_record_rows();

}  // namespace microtome::check
