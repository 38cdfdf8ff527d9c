// SPDX-License-Identifier: Apache-2.0
// From the head of a request to its settings and to whoever answers by URL. Files are in visit_files.cpp, answers in
// visit_answer.cpp, apps in visit_apps.cpp.
#include "host/visit.hpp"

#include <algorithm>
#include <utility>

#include "host/mount.hpp"
#include "http/status.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"

namespace microtome::host {
namespace {

constexpr int kMaxRewrites = 100;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), http::to_lower);
  return out;
}

// "//a///b" -> "/a/b".
std::string single_slashes(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (const char c : path) {
    if (c != '/' || out.empty() || out.back() != '/') {
      out += c;
    }
  }
  return out;
}

// "/a/./b/../c" -> "/a/c" in a decoded path: an escaped slash hides segments from whoever has taken them out before.
std::string without_dot_segments(std::string path) {
  if (path.find("/.") == std::string::npos) {
    return path;
  }
  std::string out;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = std::string_view(path).substr(begin, end - begin);
    const bool dots = segment == "." || segment == "..";
    if (segment == "..") {
      out.resize(out.rfind('/') != std::string::npos ? out.rfind('/') : 0);
    } else if (!dots) {
      out += '/';
      out += segment;
    }
    if (dots && end == path.size()) {
      out += '/';
    }
    begin = end + 1;
  }
  return out;
}

// The path in its one spelling, for rules and servers behind: escapes of letters, digits and "-._~" are undone, the
// others have capital digits.
std::string normalise_escapes(std::string path) {
  if (path.find('%') == std::string::npos) {
    return path;
  }
  std::string out;
  out.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto byte = path[i] == '%' ? http::percent_decode(std::string_view(path).substr(i, 3)) : path.substr(i, 1);
    if (path[i] != '%' || !byte || byte->size() != 1) {
      out += path[i];
      continue;
    }
    const char c = byte->front();
    if (http::is_alpha(c) || http::is_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += {'%', http::to_upper(path[i + 1]), http::to_upper(path[i + 2])};
    }
    i += 2;
  }
  return out;
}

std::string host_of(std::string_view authority, std::string_view scheme) {
  std::string host = lower(authority);
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) {
    host.resize(host.size() - port.size());
  }
  return host;
}

}  // namespace

Visit::Visit(ContextPtr context, std::shared_ptr<Stream> stream)
    : context_(std::move(context)), stream_(std::move(stream)), began_(std::chrono::steady_clock::now()) {
  ++context_->counters->active;
  ++context_->counters->requests;
}

Visit::~Visit() {
  --context_->counters->active;
}

void Visit::start() {
  const auto self = shared_from_this();
  net::Head& head = stream_->head();
  original_target_ = head.target;
  protocol_ = stream_->protocol();
  request_.method = head.method;
  request_.path = normalise_escapes(single_slashes(head.path));
  request_.query = std::move(head.query);
  request_.headers = std::move(head.headers);
  request_.authority = std::move(head.authority);
  request_.scheme = stream_->endpoint().secure || stream_->endpoint().secure_before ? "https" : "http";
  request_.remote_address = stream_->endpoint().remote_address;
  if (!run()) {
    error(404);
  }
  commit();
}

bool Visit::run() {
  if (!begin_url()) {
    return true;
  }
  if (rewrite()) {
    return true;
  }
  return redirect() || access() || authenticate() || status_pages() || upstream_by_url() || find_file();
}

// False: answered.
bool Visit::begin_url() {
  if (!choose_settings()) {
    return false;
  }
  if (!prepared_ && apply_forwarded() && !choose_settings()) {
    return false;
  }
  if (!prepared_ && restore_mount() && !choose_settings()) {
    return false;
  }
  stream_->limits({settings_->keep_alive_idle, settings_->read_idle, settings_->write_idle,
                   settings_->max_keep_alive_requests, settings_->bytes_per_second, settings_->shared_rate});
  // A connection that was made for another host, where no certificate is asked for, does not open this one.
  if (settings_->tls_verify_client && settings_->tls_enforce_client && stream_->endpoint().secure &&
      !stream_->endpoint().client_verified) {
    error(421);
    return false;
  }
  if (settings_->max_body > 0) {
    if (stream_->head().content_length > settings_->max_body) {
      error(413);
      return false;
    }
    stream_->limit_body(settings_->max_body);
  }
  if (std::exchange(prepared_, true)) {
    return true;  // again, after a rewrite of a file that is not there
  }
  if (!check_target()) {
    error(400);
    return false;
  }
  if (settings_->set_request_header) {
    for (const auto& [name, value] : *settings_->set_request_header) {
      request_.headers.set(name, value);
    }
  }
  if (settings_->add_request_header) {
    for (const auto& [name, value] : *settings_->add_request_header) {
      request_.headers.add(name, value);
    }
  }
  return true;
}

bool Visit::choose_settings() {
  auto decoded = http::percent_decode(request_.path);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!decoded || std::ranges::any_of(*decoded, control)) {
    settings_ = context_->site->settings({0});
    error(400);
    return false;
  }
  url_ = without_dot_segments(single_slashes(*decoded));
  host_ = host_of(request_.authority, request_.scheme);
  const ConditionInput input{stream_->endpoint().socket,
                             host_,
                             url_,
                             request_.query,
                             request_.remote_address,
                             request_.scheme,
                             request_.method,
                             &request_.headers};
  outcome_ = context_->site->conditions().evaluate(input);
  settings_ = context_->site->settings(outcome_.active);
  if (settings_->log_conditions) {
    std::string text = "blocks that hold for " + url_ + ":";
    for (const int block : outcome_.active) {
      text += ' ' + std::to_string(block);
    }
    context_->log.info(text);
  }
  return true;
}

// Puts back what the front-end has stripped: from here on the request is what the client has asked for. True when
// something has changed.
bool Visit::restore_mount() {
  std::string mount;
  if (trusted_peer_ && settings_->mount_headers) {
    mount = mount_from_headers(request_.headers, *settings_->mount_headers, request_.path);
  }
  std::string path = public_path(mount.empty() ? settings_->mount : mount, request_.path);
  if (path == request_.path) {
    return false;
  }
  const std::size_t query = original_target_.find('?');
  original_target_ = path + (query == std::string::npos ? "" : original_target_.substr(query));
  request_.path = std::move(path);
  log_handling("is " + original_target_ + " to the public");
  return true;
}

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string Visit::target_now() const {
  return request_.query.empty() ? request_.path : request_.path + '?' + request_.query;
}

RewriteSubject Visit::rewrite_subject(const Rules& rules) const {
  return {request_.scheme, request_.authority, request_.path, request_.query, outcome_.captured(rules.block)};
}

// Takes a new target (path and query, encoded). False: answered (it makes no sense).
bool Visit::set_target(std::string_view target) {
  const http::Target parts = http::split_target(target);
  auto path = http::normalise_path(parts.path);
  if (!path) {
    error(400);
    return false;
  }
  request_.path = single_slashes(*path);
  request_.query = parts.query;
  return true;
}

// True: answered.
bool Visit::rewrite_by(const Rules& rules, bool repeat, bool& changed) {
  if (!rules.list || changed || (!repeat && rewrote_once_)) {
    return false;
  }
  const auto rewritten = apply_rules(*rules.list, target_now(), rewrite_subject(rules));
  if (!rewritten) {
    return false;
  }
  if (rewritten->target.empty()) {
    rewrote_once_ = rewrote_once_ || !repeat;
    return false;
  }
  if (++rewrites_ > kMaxRewrites) {
    context_->log.error("url.rewrite-repeat goes round in circles: " + original_target_);
    error(500);
    return true;
  }
  log_handling("rewritten to " + rewritten->target);
  rewritten_ = changed = true;
  rewrote_once_ = rewrote_once_ || !repeat;
  return !set_target(rewritten->target) || !choose_settings();
}

bool Visit::rewrite() {
  bool changed = true;
  while (changed) {
    changed = false;
    if (rewrite_by(settings_->rewrite_repeat, true, changed) || rewrite_by(settings_->rewrite_once, false, changed)) {
      return true;
    }
    if (rewrote_once_) {
      break;
    }
  }
  return false;
}

bool Visit::redirect() {
  if (!settings_->redirect.list) {
    return false;
  }
  const auto found = apply_rules(*settings_->redirect.list, target_now(), rewrite_subject(settings_->redirect));
  if (!found || found->target.empty()) {
    return false;
  }
  http::Response response;
  response.status =
      settings_->redirect_code >= 300 && settings_->redirect_code < 400 ? settings_->redirect_code : 301;
  response.headers.add("Location", found->target);
  answer(std::move(response));
  return true;
}

bool Visit::access() {
  const std::string url = settings_->lower_case_files ? lower(url_) : url_;
  const auto ends = [&url](const std::string& end) { return url.ends_with(end); };
  const auto fits = [&ends](const TextsPtr& list) { return std::any_of(list->begin(), list->end(), ends); };
  // What is allowed by name is allowed whatever is denied; everything else is not, then.
  const bool listed = settings_->allow_ends && !settings_->allow_ends->empty();
  const bool refused = listed ? !fits(settings_->allow_ends) : settings_->deny_ends && fits(settings_->deny_ends);
  if (!refused) {
    return false;
  }
  log_handling("denied by url.access-*");
  error(403);
  return true;
}

void Visit::log_handling(std::string_view what) const {
  if (settings_ && settings_->log_handling) {
    context_->log.info(request_.method + ' ' + original_target_ + ": " + std::string(what));
  }
}

void Visit::body_arrived() {
  if (upstream_) {
    upstream_->body_arrived();
  }
}

void Visit::drained() {
  const auto self = shared_from_this();
  if (kept_) {
    if (auto sent = kept_->drained(); !sent) {
      cannot_keep(*kept_, sent.error());
    }
    return commit();
  }
  if (upstream_) {
    upstream_->drained();
  }
}

}  // namespace microtome::host
