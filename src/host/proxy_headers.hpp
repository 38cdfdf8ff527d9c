// SPDX-License-Identifier: Apache-2.0
// proxy.header and proxy.forwarded: how addresses are rewritten between clients and an HTTP server behind. Values and
// pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/config_value.hpp"
#include "http/message.hpp"

namespace microtome::host {

struct ProxyHeaders {
  using Map = std::vector<std::pair<std::string, std::string>>;
  Map hosts_out;  // map-host-request: names of hosts as the server is to hear them
  Map hosts_in;   // map-host-response: names in its answers as the client is to hear them
  Map paths;      // map-urlpath: front of paths, ours => the server's
  bool https_remap = false;
  bool upgrade = false;
  bool http10 = false;
};

// Reads the list of proxy.header. Reports what is wrong with it.
[[nodiscard]] ProxyHeaders read_proxy_headers(const Value& value, Diagnostics& diagnostics);

// What proxy.forwarded puts into the Forwarded field.
struct ForwardedParts {
  bool by = false;
  bool client = false;  // for
  bool host = false;
  bool proto = false;
  bool user = false;
};
[[nodiscard]] ForwardedParts read_forwarded_parts(const std::vector<std::pair<std::string, std::string>>& pairs);

struct ForwardedValues {
  std::string_view by;  // our address
  std::string_view client;
  std::string_view host;
  std::string_view proto;
  std::string_view user;
};
// One element of a Forwarded field (RFC 7239); "" when no part is wanted.
[[nodiscard]] std::string forwarded_element(const ForwardedParts& parts, const ForwardedValues& values);

// One exchange's mapping: what the client said for the host, and what the server hears.
class ProxyMapping {
 public:
  ProxyMapping(const ProxyHeaders& rules, std::string_view client_host, bool secure);

  // The host for the server.
  [[nodiscard]] std::string_view host() const { return sent_host_; }
  // A path (with or without query) on its way to the server.
  [[nodiscard]] std::string path_out(std::string_view path) const;
  // An address (absolute, or a path) on its way to the server: Referer, Destination, Origin.
  [[nodiscard]] std::string url_out(std::string_view url) const;
  // Location, Content-Location, Content-Base, URI and Set-Cookie (domain and path) on their way to the client.
  void answer_in(http::Headers& headers) const;

 private:
  using Map = ProxyHeaders::Map;
  [[nodiscard]] const std::string* match(const Map& map, std::string_view host, std::string_view dash) const;
  [[nodiscard]] std::string path_in(std::string_view path) const;
  [[nodiscard]] std::string url_in(std::string_view url) const;
  [[nodiscard]] std::string cookie_in(std::string_view cookie) const;

  const ProxyHeaders& rules_;
  std::string client_host_;
  std::string sent_host_;
  bool secure_;
};

}  // namespace microtome::host
