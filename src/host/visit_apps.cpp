// SPDX-License-Identifier: Apache-2.0
// From a request to the apps that answer it.
#include <algorithm>
#include <functional>
#include <utility>

#include "host/cgi_params.hpp"
#include "host/gateway.hpp"
#include "host/proxy.hpp"
#include "host/visit.hpp"

namespace microtome::host {
namespace {

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33);
}

}  // namespace

// The first route whose key fits, in order of the file: "/..." fits the front of the URL, anything else the end of
// `path`.
const AppRoute* Visit::find_route(const RoutesPtr& routes, std::string_view path) const {
  if (!routes) {
    return nullptr;
  }
  std::string_view mapped;
  if (settings_->map_extensions) {
    for (const auto& [end, as] : *settings_->map_extensions) {
      if (path.ends_with(end)) {
        mapped = as;
        break;
      }
    }
  }
  for (const AppRoute& route : *routes) {
    if (route_matches(route.key, url_, true) || route_matches(route.key, path, false) ||
        (!mapped.empty() && route.key == mapped)) {
      return &route;
    }
  }
  return nullptr;
}

namespace {

// Routes of one role; a route has apps of one role only in practice, the first decides.
bool has_role(const AppRoute& route, Role role) {
  return route.apps.front().role == role;
}

}  // namespace

bool Visit::upstream_by_url() {
  if (settings_->proxy && !authorizing_) {
    if (const AppRoute* route = find_route(settings_->proxy, url_)) {
      return start_proxy(*route);
    }
  }
  if (!settings_->fastcgi) {
    return false;
  }
  if (!authorized_) {
    for (const AppRoute& route : *settings_->fastcgi) {
      if (has_role(route, Role::authorizer) && !route.apps.front().check_local &&
          (route_matches(route.key, url_, true) || route_matches(route.key, url_, false))) {
        return start_app(route, Role::authorizer, false);
      }
    }
  }
  const AppRoute* route = find_route(settings_->fastcgi, url_);
  if (route == nullptr || route->apps.front().check_local || !has_role(*route, Role::responder)) {
    return false;
  }
  return start_app(*route, Role::responder, false);
}

bool Visit::upstream_by_file() {
  if (!settings_->fastcgi) {
    return false;
  }
  if (!authorized_) {
    for (const AppRoute& route : *settings_->fastcgi) {
      if (has_role(route, Role::authorizer) &&
          (route_matches(route.key, url_, true) || route_matches(route.key, file_path_, false))) {
        return start_app(route, Role::authorizer, true);
      }
    }
  }
  const AppRoute* route = find_route(settings_->fastcgi, file_path_);
  return route != nullptr && has_role(*route, Role::responder) && start_app(*route, Role::responder, true);
}

// Backends in the order they are to be tried.
std::vector<std::shared_ptr<App>> Visit::choose_apps(const AppRoute& route, std::string_view balance) {
  std::vector<std::shared_ptr<App>> apps;
  for (const AppSpec& spec : route.apps) {
    if (const auto found = context_->apps.find(&spec); found != context_->apps.end()) {
      apps.push_back(found->second);
    }
  }
  if (apps.size() < 2) {
    return apps;
  }
  // Smaller is earlier; who cannot take a request now comes last.
  struct Ranked {
    std::uint64_t rank;
    std::shared_ptr<App> app;
  };
  const bool hashed = balance == "hash" || balance == "sticky";
  const std::uint64_t key =
      hashed ? std::hash<std::string>()(balance == "sticky" ? request_.remote_address : request_.authority + url_)
             : 0;
  const std::size_t turn = balance == "round-robin" ? context_->turns[&route]++ : 0;
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < apps.size(); ++i) {
    const auto& app = apps[i];
    std::uint64_t rank = (i + apps.size() - turn % apps.size()) % apps.size();
    if (hashed) {
      // Each app has its own weight for each key: when one leaves, only its own keys move.
      rank = mix(key ^ std::hash<std::string>()(app->spec().label)) >> 2;
    } else if (balance != "round-robin") {
      rank += static_cast<std::uint64_t>(app->load()) << 16;
    }
    ranked.push_back({rank + (app->usable() ? 0 : 1ULL << 62), app});
  }
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.rank < b.rank; });
  for (std::size_t i = 0; i < apps.size(); ++i) {
    apps[i] = std::move(ranked[i].app);
  }
  return apps;
}

bool Visit::start_app(const AppRoute& route, Role role, bool by_file) {
  GatewayRequest gateway;
  gateway.apps = choose_apps(route, settings_->fastcgi_balance);
  if (gateway.apps.empty()) {
    error(503);
    return true;
  }
  app_ = &route.apps.front();
  authorizing_ = role == Role::authorizer;
  gateway.role = authorizing_ ? net::fcgi::Role::authorizer : net::fcgi::Role::responder;
  gateway.head = request_.method == "HEAD";
  gateway.safe = gateway.head || request_.method == "GET" || request_.method == "OPTIONS";
  gateway.name = url_;
  gateway.debug = settings_->gateway_debug;
  if (stream_->has_body()) {
    if (stream_->head().body == net::BodyKind::length) {
      gateway.content_length = stream_->head().content_length;
    }
  } else {
    gateway.content_length = 0;
  }
  if (by_file) {
    script_name_ = url_;
  } else {
    document_root();
    const auto split = split_script(url_, route.key, app_->fix_root_script_name);
    const bool prefix = route.key.starts_with('/');
    path_info_ = prefix ? split.path_info : std::string_view{};
    script_name_ = prefix ? std::string(split.script_name) : url_;
    file_path_ = root_ + (script_name_.empty() ? "/" : script_name_);
  }
  log_handling("goes to the app for \"" + route.key + "\"");
  gateway.params = [this](const AppSpec& app, std::optional<std::uint64_t> length) {
    CgiRequest cgi;
    cgi.method = request_.method;
    cgi.request_uri = original_target_;
    const std::string target = target_now();
    cgi.redirect_uri = rewritten_ || in_error_handler_ ? std::string_view(target) : std::string_view{};
    cgi.path = url_;
    cgi.query = request_.query;
    cgi.script_name = script_name_;
    cgi.path_info = path_info_;
    cgi.script_filename = file_path_;
    cgi.document_root = root_;
    const std::string name = server_name();
    cgi.server_name = name;
    cgi.server_software = tag();
    cgi.scheme = request_.scheme;
    cgi.protocol = protocol_;
    cgi.remote_address = request_.remote_address;
    cgi.remote_user = remote_user_;
    cgi.endpoint = &stream_->endpoint();
    cgi.headers = &request_.headers;
    cgi.content_length = length;
    cgi.environment = &environment_;
    cgi.authorizer = authorizing_;
    return cgi_params(cgi, app);
  };
  if (settings_->set_environment) {
    for (const auto& each : *settings_->set_environment) {
      environment_.push_back(each);
    }
  }
  if (settings_->add_environment) {
    for (const auto& each : *settings_->add_environment) {
      environment_.push_back(each);
    }
  }
  upstream_ = std::make_shared<GatewayRun>(std::move(gateway), *this);
  upstream_->start();
  return true;
}

bool Visit::upstream_head(CgiHead head) {
  if (authorizing_ && head.status == 200) {
    for (const http::Header& variable : head.variables.all()) {
      environment_.emplace_back(variable.name, variable.value);
    }
    go_on_ = true;
    return false;
  }
  if (!head.send_file.empty() && app_ != nullptr && app_->send_file) {
    send_named_file(head);
    return false;
  }
  if (settings_->error_intercept && head.status >= 400 && !in_error_handler_) {
    error(head.status);
    return false;
  }
  http::Response response;
  response.status = head.status;
  response.headers = std::move(head.headers);
  decorate(response);
  stream_->begin(std::move(response), head.content_length);
  return true;
}

void Visit::upstream_body(std::string_view bytes) {
  stream_->write(bytes);
}

void Visit::upstream_end() {
  if (!go_on_ && !stream_->begun()) {
    return;
  }
  stream_->end();
}

void Visit::upstream_cut() {
  stream_->cut();
}

void Visit::upstream_failed(int status, const std::string& reason) {
  context_->log.error(reason);
  if (!stream_->begun()) {
    error(status);
  } else {
    stream_->cut();
  }
}

void Visit::commit() {
  const auto self = shared_from_this();
  if (std::exchange(go_on_, false)) {
    authorized_ = true;
    authorizing_ = false;
    upstream_.reset();
    if (!upstream_by_url() && !find_file()) {
      error(404);
    }
  }
  stream_->commit();
}

void Visit::client_gone() {
  const auto self = shared_from_this();
  if (const auto upstream = std::exchange(upstream_, nullptr)) {
    upstream->client_gone();
  }
  status_ = 499;
  finished(false, 0);
}

}  // namespace microtome::host
