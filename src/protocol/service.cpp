// SPDX-License-Identifier: Apache-2.0
// The router: from method, path and query to the function that answers.
#include <algorithm>
#include <array>
#include <string_view>

#include "http/status.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"
#include "protocol/answer_memo.hpp"
#include "protocol/call.hpp"
#include "protocol/deepzoom.hpp"
#include "protocol/health.hpp"
#include "protocol/iiif.hpp"
#include "protocol/iip.hpp"
#include "protocol/metrics.hpp"
#include "protocol/protocol.hpp"
#include "protocol/reply.hpp"
#include "protocol/set_calls.hpp"
#include "protocol/stack.hpp"
#include "protocol/viewer_page.hpp"
#include "protocol/woolz_section.hpp"
#include "protocol/zoomify.hpp"
#include "woolz/store.hpp"

namespace microtome::protocol {
namespace {

constexpr std::string_view kReadMethods = "GET, HEAD, OPTIONS";
constexpr std::string_view kIipMethods = "GET, HEAD, POST, OPTIONS";

void answer_options(const Call& call, bool iip) {
  http::Response response;
  response.status = 204;
  response.headers.add("Allow", std::string(iip ? kIipMethods : kReadMethods));
  if (!call.options().cors.empty()) {
    response.headers.add("Access-Control-Allow-Methods", std::string(kIipMethods));
    response.headers.add("Access-Control-Allow-Headers",
                         "Accept, Content-Type, Range, If-None-Match, If-Modified-Since, X-Requested-With");
    response.headers.add("Access-Control-Max-Age", "86400");
  }
  answer(call, std::move(response));
}

void answer_nothing(const Call& call) {
  answer_error(call, {Code::not_found, "not found", {}});
}

// "/sets/{set}/stack.json": the set's name may hold slashes, so the last part decides.
void route_set(const Call& call, std::string_view rest) {
  const std::size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos || slash == 0) {
    return answer_nothing(call);
  }
  const std::string_view what = rest.substr(slash + 1);
  auto name = http::percent_decode(rest.substr(0, slash));
  if (!name) {
    return answer_error(call, name.error());
  }
  if (what == "view") {
    return answer_view(call, *name);
  }
  if (what == "strip") {
    return answer_strip(call, *name);
  }
  if (what == "stack.json") {
    return answer_stack(call, *name);
  }
  answer_nothing(call);
}

void route_deepzoom(const Call& call, std::string_view rest) {
  auto path = http::percent_decode(rest);
  if (!path) {
    return answer_error(call, path.error());
  }
  answer_deepzoom(call, *path);
}

void route_zoomify(const Call& call, std::string_view rest) {
  auto path = http::percent_decode(rest);
  if (!path) {
    return answer_error(call, path.error());
  }
  answer_zoomify(call, *path);
}

// URI_MAP: what follows a prefix is a request of a protocol. False when the path is not below the prefix.
bool answer_mapped(const Call& call) {
  const std::string_view map = call.options().uri_map;
  const std::size_t arrow = map.find("=>");
  if (arrow == std::string_view::npos) {
    return false;
  }
  std::string prefix =
      "/" + std::string(map.substr(map.starts_with('/') ? 1 : 0, arrow - (map.starts_with('/') ? 1 : 0)));
  prefix += prefix.ends_with('/') ? "" : "/";
  const std::string_view path = call.request().path;
  if (!path.starts_with(prefix) || path.size() == prefix.size()) {
    return false;
  }
  const std::string_view rest = path.substr(prefix.size());
  const char protocol = http::to_lower(map[arrow + 2]);
  if (protocol == 'z') {
    route_zoomify(call, rest);
  } else if (protocol == 'd') {
    route_deepzoom(call, rest);
  } else if (http::to_lower(map.back()) == 'f') {
    answer_iiif_below(call, rest, prefix);
  } else {
    answer_iip(call, rest);
  }
  return true;
}

void route_path(const Call& call) {
  const std::string_view path = call.request().path;
  constexpr std::string_view kSets = "/sets/";
  constexpr std::string_view kDeepZoom = "/dz/";
  constexpr std::string_view kIiif = "/iiif/";
  constexpr std::string_view kZoomify = "/zoomify/";
  if (answer_mapped(call)) {
    return;
  }
  if (path == "/" || path.empty() || path == "/v" || path.starts_with("/v/")) {
    return answer_page(call);
  }
  if (path == "/sets" || path == kSets) {
    return answer_sets(call);
  }
  if (path.starts_with(kSets)) {
    if (answer_section(call, path.substr(kSets.size()))) {
      return;
    }
    return route_set(call, path.substr(kSets.size()));
  }
  if (path.starts_with(kDeepZoom)) {
    return route_deepzoom(call, path.substr(kDeepZoom.size()));
  }
  if (path.starts_with(kZoomify)) {
    return route_zoomify(call, path.substr(kZoomify.size()));
  }
  if (path.starts_with(kIiif)) {
    return answer_iiif(call, path.substr(kIiif.size()));
  }
  if (path == "/metrics") {
    return answer_metrics(call);
  }
  if (path == "/healthz") {
    return answer_health(call);
  }
  if (!answer_asset(call, path)) {
    answer_nothing(call);
  }
}

std::string_view protocol_of(std::string_view path, bool is_iip) {
  struct Prefix {
    std::string_view text;
    std::string_view protocol;
  };
  static constexpr std::array<Prefix, 7> kPrefixes{{{"/iiif/", "iiif"},
                                                    {"/dz/", "deepzoom"},
                                                    {"/zoomify/", "zoomify"},
                                                    {"/sets", "sets"},
                                                    {"/metrics", "status"},
                                                    {"/healthz", "status"},
                                                    {"/", "viewer"}}};
  if (is_iip) {
    return "iip";
  }
  const auto* const found =
      std::ranges::find_if(kPrefixes, [path](const Prefix& prefix) { return path.starts_with(prefix.text); });
  return found == kPrefixes.end() ? "other" : found->protocol;
}

// The text that an IIP program may be in: the query, else the body of a POST. "" when it is none.
std::string_view iip_text(const http::Request& request) {
  std::string_view text = request.query;
  if (text.empty() && request.method == "POST") {
    text = request.body;
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
      text.remove_suffix(1);
    }
  }
  const bool meant = is_iip_query(text) || (request.path == "/iip" && !text.empty());
  return meant ? text : std::string_view{};
}

void route(Call call) {
  const http::Request& request = call.request();
  const std::string_view iip = iip_text(request);
  const bool is_iip = !iip.empty() || request.path == "/iip";
  call.protocol = protocol_of(request.path, is_iip);
  if (request.method == "OPTIONS") {
    return answer_options(call, is_iip);
  }
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads && !(is_iip && request.method == "POST")) {
    return answer(call, http::method_not_allowed(is_iip ? kIipMethods : kReadMethods));
  }
  if (request.query.size() > call.options().max_query || iip.size() > call.options().max_query) {
    return answer_error(call, {Code::uri_too_long, "the query is too long", {}});
  }
  if (!iip.empty()) {
    return answer_iip(call, iip);
  }
  if (request.path == "/iip") {
    return answer_page(call);  // an empty query is how old installations ask whether it lives
  }
  route_path(call);
}

void begin(const std::shared_ptr<Service>& service, http::ExchangePtr exchange) {
  service->counters.requests.add();
  Call call{service, nullptr, std::move(exchange)};
  call.site = service->sites->ready(call.request());
  if (call.site) {
    if (auto again = service->memo->find(call.site.get(), call.request())) {
      service->engine->gave_again();
      return call.exchange->respond(std::move(*again));
    }
    return route(std::move(call));
  }
  on_worker(call, [call]() mutable {
    auto site = call.service->sites->open(call.request());
    if (!site) {
      return answer_error(call, site.error());
    }
    call.site = std::move(*site);
    route(call);
  });
}

}  // namespace

Result<http::Handler> make_service(ServiceOptions options, std::shared_ptr<engine::Engine> engine, WorkPool& pool,
                                   Log log) {
  auto sites = Sites::make(options, log);
  if (!sites) {
    return pass(sites.error());
  }
  auto woolz = std::make_shared<woolz::Store>(options.woolz.store, log);
  std::shared_ptr<Service> service(new Service{std::move(options),
                                               std::move(engine),
                                               pool,
                                               std::move(log),
                                               std::move(*sites),
                                               std::make_shared<StackCache>(),
                                               std::move(woolz),
                                               std::make_shared<AnswerMemo>(),
                                               {},
                                               std::chrono::steady_clock::now()});
  return [service](http::ExchangePtr exchange) { begin(service, std::move(exchange)); };
}

}  // namespace microtome::protocol
