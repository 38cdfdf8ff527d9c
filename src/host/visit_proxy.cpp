// SPDX-License-Identifier: Apache-2.0
// From a request to HTTP and SCGI servers behind.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "host/proxy.hpp"
#include "host/scgi.hpp"
#include "host/target_form.hpp"
#include "host/visit.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::host {
namespace {

using http::equal_no_case;

// Fields of our connection with the client, and those that we write ourselves.
bool is_ours(std::string_view name) {
  static constexpr std::array<std::string_view, 14> kOurs{
      "Connection",       "Keep-Alive",        "Proxy-Connection", "TE",
      "Trailer",          "Transfer-Encoding", "Upgrade",          "Expect",
      "X-Forwarded-Host", "X-Forwarded-Proto", "X-Host",           "Host",
      "Content-Length",   "X-Forwarded-For"};
  return std::ranges::any_of(kOurs, [name](auto ours) { return equal_no_case(name, ours); });
}

// Fields that hold an address at this server.
bool is_address(std::string_view name) {
  return equal_no_case(name, "Referer") || equal_no_case(name, "Destination") || equal_no_case(name, "Origin");
}

bool asks_for_upgrade(const http::Headers& headers) {
  const auto words = http::split_list(headers.get("Connection"));
  return headers.has("Upgrade") &&
         std::ranges::any_of(words, [](auto word) { return equal_no_case(word, "upgrade"); });
}

}  // namespace

std::string Visit::forwarded_field() const {
  if (!settings_->proxy_forwarded) {
    return {};
  }
  const Endpoint& endpoint = stream_->endpoint();
  const std::string port = endpoint.local_port > 0 ? ':' + std::to_string(endpoint.local_port) : std::string{};
  const bool ipv6 = endpoint.local_address.find(':') != std::string::npos;
  const std::string by = (ipv6 ? '[' + endpoint.local_address + ']' : endpoint.local_address) + port;
  std::string element =
      forwarded_element(read_forwarded_parts(*settings_->proxy_forwarded),
                        {by, endpoint.remote_address, request_.authority, request_.scheme, remote_user_});
  const std::string_view before = request_.headers.get("Forwarded");
  return before.empty() || element.empty() ? element : std::string(before) + ", " + element;
}

// The server behind must not read another path out of the target than our conditions have.
std::string Visit::proxied_target() const {
  if (rewritten_ || in_error_handler_ || !original_target_.starts_with('/')) {
    return target_now();
  }
  if (!has_dot_segment(original_target_)) {
    return plain_target(original_target_);
  }
  return http::encode_path(url_) + (request_.query.empty() ? "" : '?' + request_.query);
}

// The request as it goes to an HTTP server behind: our connection's fields are left out, and who asked is added.
std::string Visit::proxied_head(const AppSpec& app, bool upgrade, std::optional<std::uint64_t> length) const {
  const bool labelled = settings_->proxy_label_host && app.label != app.address();
  const std::string_view host = labelled ? std::string_view(app.label) : mapping_->host();
  const bool http10 = (settings_->proxy_headers && settings_->proxy_headers->http10) || host.empty();
  const bool old = http10 && !upgrade;  // a client may leave Host out, but not in HTTP/1.1
  std::string text =
      request_.method + ' ' + mapping_->path_out(proxied_target()) + (old ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  const auto add = [&text](std::string_view name, std::string_view value) {
    text.append(name);
    text += ": ";
    text.append(value);
    text += "\r\n";
  };
  if (!host.empty()) {
    add("Host", host);
  }
  const std::string forwarded = forwarded_field();
  const auto named = http::split_list(request_.headers.get("Connection"));
  for (const http::Header& header : request_.headers.all()) {
    const bool ends_here = is_ours(header.name) || (!forwarded.empty() && equal_no_case(header.name, "Forwarded")) ||
                           std::ranges::any_of(named, [&](auto name) { return equal_no_case(name, header.name); });
    if (!ends_here) {
      add(header.name, is_address(header.name) ? mapping_->url_out(header.value) : header.value);
    }
  }
  const std::string_view before = request_.headers.get("X-Forwarded-For");
  add("X-Forwarded-For", (before.empty() ? "" : std::string(before) + ", ") + stream_->endpoint().remote_address);
  add("X-Forwarded-Proto", request_.scheme);
  if (!request_.authority.empty()) {
    add("X-Forwarded-Host", request_.authority);
    add("X-Host", request_.authority);
  }
  if (!forwarded.empty()) {
    add("Forwarded", forwarded);
  }
  if (length && (*length > 0 || stream_->has_body())) {
    add("Content-Length", std::to_string(*length));
  }
  if (upgrade) {
    add("Upgrade", request_.headers.get("Upgrade"));
  }
  add("Connection", upgrade ? "upgrade" : "close");
  return text + "\r\n";
}

// What all servers behind need to know.
ProxyRequest Visit::proxy_request(const AppRoute& route, std::string_view balance) {
  ProxyRequest proxy;
  proxy.apps = choose_apps(route, Role::responder, balance);
  proxy.head = request_.method == "HEAD";
  proxy.safe = proxy.head || request_.method == "GET" || request_.method == "OPTIONS";
  proxy.name = url_;
  proxy.keep = settings_->request_keep;
  proxy.spool = context_->spool;
  proxy.content_length = 0;
  if (stream_->has_body()) {
    proxy.content_length.reset();
    if (stream_->head().body == net::BodyKind::length) {
      proxy.content_length = stream_->head().content_length;
    }
  }
  return proxy;
}

bool Visit::start_proxy(const AppRoute& route) {
  ProxyRequest proxy = proxy_request(route, settings_->proxy_balance);
  if (proxy.apps.empty()) {
    error(503);
    return true;
  }
  app_ = &route.apps.front();
  static const ProxyHeaders kNone;
  const ProxyHeaders& rules = settings_->proxy_headers ? *settings_->proxy_headers : kNone;
  mapping_ = std::make_unique<ProxyMapping>(rules, request_.authority, request_.scheme == "https");
  proxy.upgrade =
      rules.upgrade && protocol_ == "HTTP/1.1" && !stream_->has_body() && asks_for_upgrade(request_.headers);
  proxy.tunnel_idle = settings_->tunnel_idle;
  proxy.text = [this, &route, upgrade = proxy.upgrade](const App& app, std::optional<std::uint64_t> length) {
    return proxied_head(entry_of(route, app), upgrade, length);
  };
  log_handling("goes to the server for \"" + route.key + "\"");
  if (settings_->proxy_debug > 0) {
    context_->log.info(request_.method + ' ' + original_target_ + " goes to " + proxy.apps.front()->spec().label +
                       " as " + mapping_->path_out(target_now()) + " of " + std::string(mapping_->host()));
  }
  upstream_ = std::make_shared<ProxyRun>(std::move(proxy), *this);
  upstream_->start();
  return true;
}

bool Visit::start_scgi(const AppRoute& route, bool by_file) {
  ProxyRequest scgi = proxy_request(route, settings_->scgi_balance);
  if (scgi.apps.empty()) {
    error(503);
    return true;
  }
  app_ = &route.apps.front();
  scgi.cgi = true;
  name_script(route, by_file);
  add_environment();
  scgi.text = [this, &route](const App& app, std::optional<std::uint64_t> length) {
    const std::string variables = script_variables(route, app, length);
    return settings_->scgi_protocol == "uwsgi" ? uwsgi_head(variables) : scgi_head(variables, length.value_or(0));
  };
  log_handling("goes to the app for \"" + route.key + "\"");
  upstream_ = std::make_shared<ProxyRun>(std::move(scgi), *this);
  upstream_->start();
  return true;
}

}  // namespace microtome::host
