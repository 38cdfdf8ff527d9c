// SPDX-License-Identifier: Apache-2.0
// From a request to the apps that answer it.
#include <algorithm>
#include <functional>
#include <utility>

#include "host/cgi_params.hpp"
#include "host/gateway.hpp"
#include "host/mount.hpp"
#include "host/visit.hpp"
#include "http/text.hpp"

namespace microtome::host {
namespace {

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33);
}

// The first app of that role; null: there is none.
const AppSpec* first_app(const AppRoute& route, Role role) {
  const auto found = std::ranges::find(route.apps, role, &AppSpec::role);
  return found != route.apps.end() ? &*found : nullptr;
}

bool has_role(const AppRoute& route, Role role) {
  return first_app(route, role) != nullptr;
}

}  // namespace

// The first route of that role whose key fits, in order of the file: "/..." fits the front of the URL, anything else
// the end of `path`. A mapped extension comes before all.
const AppRoute* Visit::find_route(const RoutesPtr& routes, const PairsPtr& mapped_ends, std::string_view path,
                                  Role role) const {
  if (!routes) {
    return nullptr;
  }
  const auto first = [&](auto&& fits) -> const AppRoute* {
    const auto found =
        std::ranges::find_if(*routes, [&](const AppRoute& each) { return has_role(each, role) && fits(each); });
    return found != routes->end() ? &*found : nullptr;
  };
  if (mapped_ends) {
    for (const auto& [end, as] : *mapped_ends) {
      if (path.ends_with(end)) {
        if (const AppRoute* mapped = first([&](const AppRoute& each) { return each.key == as; })) {
          return mapped;
        }
        break;
      }
    }
  }
  return first([&](const AppRoute& each) {
    return route_matches(each.key, url_, true) || route_matches(each.key, path, false);
  });
}

bool Visit::upstream_by_url() {
  if (settings_->proxy && !authorizing_) {
    const PairsPtr& mapped_ends = settings_->proxy_map_extensions;
    if (const AppRoute* route = find_route(settings_->proxy, mapped_ends, url_, Role::responder)) {
      return start_proxy(*route);
    }
  }
  return start_by(url_, false);
}

bool Visit::upstream_by_file() {
  return start_by(file_path_, true);
}

bool Visit::start_by(std::string_view path, bool by_file) {
  for (const Role role : {Role::authorizer, Role::responder}) {
    if (role == Role::authorizer && authorized_) {
      continue;
    }
    const AppRoute* route = find_route(settings_->fastcgi, settings_->map_extensions, path, role);
    if (route != nullptr && (by_file || !first_app(*route, role)->check_local)) {
      return start_app(*route, role, by_file);
    }
  }
  const AppRoute* route = find_route(settings_->scgi, settings_->scgi_map_extensions, path, Role::responder);
  if (route != nullptr && (by_file || !first_app(*route, Role::responder)->check_local)) {
    return start_scgi(*route, by_file);
  }
  return false;
}

// Backends in the order they are to be tried.
std::vector<std::shared_ptr<App>> Visit::choose_apps(const AppRoute& route, Role role, std::string_view balance) {
  std::vector<std::shared_ptr<App>> apps;
  for (const AppSpec& spec : route.apps) {
    if (spec.role != role) {
      continue;
    }
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
  const bool hashed = balance == "hash" || balance == "sticky" || balance == "object";
  const std::uint64_t key = hashed ? std::hash<std::string>()(balance == "object"   ? object_of(url_, request_.query)
                                                              : balance == "sticky" ? request_.remote_address
                                                                                    : request_.authority + url_)
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

// The route's own entry for that app: another one may have started it.
const AppSpec& Visit::entry_of(const AppRoute& route, const App& app) const {
  for (const AppSpec& spec : route.apps) {
    const auto found = context_->apps.find(&spec);
    if (found != context_->apps.end() && found->second.get() == &app &&
        (spec.role == Role::authorizer) == authorizing_) {
      return spec;
    }
  }
  return app.spec();
}

// What the URL means to a program: its name, its file and the path behind it.
void Visit::name_script(const AppRoute& route, bool by_file) {
  if (by_file) {
    script_name_ = url_;
    return;
  }
  document_root();
  const auto split = split_script(url_, route.key, app_->fix_root_script_name);
  const bool prefix = route.key.starts_with('/');
  path_info_ = prefix ? split.path_info : std::string_view{};
  script_name_ = prefix ? std::string(split.script_name) : url_;
  file_path_ = root_ + (script_name_.empty() ? "/" : script_name_);
}

// The variables for a program, as FastCGI pairs.
std::string Visit::script_variables(const AppRoute& route, const App& app,
                                    std::optional<std::uint64_t> length) const {
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
  cgi.auth_type = auth_type_;
  cgi.endpoint = &stream_->endpoint();
  cgi.headers = &request_.headers;
  cgi.content_length = length;
  cgi.environment = &environment_;
  cgi.authorizer = authorizing_;
  return cgi_params(cgi, entry_of(route, app));
}

void Visit::add_environment() {
  for (const PairsPtr& list : {settings_->set_environment, settings_->add_environment}) {
    if (list) {
      environment_.insert(environment_.end(), list->begin(), list->end());
    }
  }
}

bool Visit::start_app(const AppRoute& route, Role role, bool by_file) {
  GatewayRequest gateway;
  gateway.apps = choose_apps(route, role, settings_->fastcgi_balance);
  if (gateway.apps.empty()) {
    error(503);
    return true;
  }
  app_ = first_app(route, role);
  authorizing_ = role == Role::authorizer;
  gateway.role = authorizing_ ? net::fcgi::Role::authorizer : net::fcgi::Role::responder;
  gateway.head = request_.method == "HEAD";
  gateway.safe = gateway.head || request_.method == "GET" || request_.method == "OPTIONS";
  gateway.name = url_;
  gateway.debug = settings_->gateway_debug;
  gateway.keep = settings_->request_keep;
  gateway.spool = context_->spool;
  if (stream_->has_body()) {
    if (stream_->head().body == net::BodyKind::length) {
      gateway.content_length = stream_->head().content_length;
    }
  } else {
    gateway.content_length = 0;
  }
  name_script(route, by_file);
  log_handling("goes to the app for \"" + route.key + "\"");
  gateway.params = [this, &route](const App& app, std::optional<std::uint64_t> length) {
    return script_variables(route, app, length);
  };
  add_environment();
  upstream_ = std::make_shared<GatewayRun>(std::move(gateway), *this);
  upstream_->start();
  return true;
}

}  // namespace microtome::host
