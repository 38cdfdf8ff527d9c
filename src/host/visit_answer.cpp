// SPDX-License-Identifier: Apache-2.0
// What every answer gets: headers of the configuration, error pages, its line in the access log.
#include <algorithm>
#include <utility>

#include "host/directory_listing.hpp"
#include "host/visit.hpp"
#include "http/date.hpp"
#include "http/status.hpp"
#include "http/text.hpp"

namespace microtome::host {

std::string_view Visit::tag() const {
  return settings_ && settings_->tag ? std::string_view(*settings_->tag) : std::string_view(context_->default_tag);
}

std::string Visit::server_name() const {
  if (!settings_->server_name.empty()) {
    return settings_->server_name;
  }
  const std::size_t colon = host_.rfind(':');
  const bool port = colon != std::string::npos && host_.find(']', colon) == std::string::npos;
  const std::string name = port ? host_.substr(0, colon) : host_;
  return name.empty() ? stream_->endpoint().local_address : name;
}

void Visit::answer(http::Response response) {
  decorate(response);
  if (!compress_whole(response)) {
    stream_->respond(std::move(response));
  }
}

void Visit::decorate(http::Response& response) {
  if (in_error_handler_ && keep_error_status_ && !upstream_ && response.status == 200) {
    response.status = error_status_;
  }
  const RequestSettings& settings = *settings_;
  add_expiry(response);
  if (settings.set_response_header) {
    for (const auto& [name, value] : *settings.set_response_header) {
      response.headers.set(name, value);
    }
  }
  if (settings.add_response_header) {
    for (const auto& [name, value] : *settings.add_response_header) {
      response.headers.add(name, value);
    }
  }
  if (!response.headers.has("Server") && !tag().empty()) {
    response.headers.add("Server", std::string(tag()));
  }
  status_ = response.status;
  if (context_->access && (!settings.access_log.empty() || settings.access_syslog)) {
    sent_headers_ = response.headers;
  }
}

void Visit::add_expiry(http::Response& response) {
  const RequestSettings& settings = *settings_;
  if ((!settings.expire_urls && !settings.expire_types) || response.status >= 300 ||
      (request_.method != "GET" && request_.method != "HEAD" && request_.method != "POST") ||
      response.headers.has("Cache-Control")) {
    return;
  }
  const Expiry* found = nullptr;
  if (settings.expire_urls) {
    for (const Expiry& each : *settings.expire_urls) {
      if (url_.starts_with(each.key)) {
        found = &each;
        break;
      }
    }
  }
  if (found == nullptr && settings.expire_types) {
    const std::string_view type = response.headers.get("Content-Type");
    for (const Expiry& each : *settings.expire_types) {
      const bool prefix = each.key.ends_with('*') && type.starts_with(each.key.substr(0, each.key.size() - 1));
      if (prefix || type == each.key || type.substr(0, type.find(';')) == each.key || each.key.empty()) {
        found = &each;
        break;
      }
    }
  }
  if (found == nullptr) {
    return;
  }
  std::int64_t until = now_seconds() + found->seconds;
  if (found->from_change) {
    const auto changed = http::parse_date(response.headers.get("Last-Modified"));
    if (!changed) {
      return;
    }
    until = *changed + found->seconds;
  }
  response.headers.set("Expires", http::format_date(until));
  response.headers.set("Cache-Control",
                       "max-age=" + std::to_string(std::max<std::int64_t>(0, until - now_seconds())));
}

http::Response Visit::error_page(int status) const {
  http::Response response;
  response.status = status;
  if (!settings_->errorfile_prefix.empty()) {
    const std::string path = settings_->errorfile_prefix + std::to_string(status) + ".html";
    if (auto file = io::File::open(path); file && (*file)->size() <= 1 << 20) {
      if (auto bytes = (*file)->read(0, static_cast<std::size_t>((*file)->size()))) {
        response.headers.add("Content-Type", "text/html");
        response.body = std::move(*bytes);
        return response;
      }
    }
  }
  const std::string title = std::to_string(status) + ' ' + std::string(http::reason(status));
  response.headers.add("Content-Type", "text/html");
  // Byte for byte what clients of lighttpd know.
  response.body = R"(<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
         "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>)" + title +
                  R"(</title>
 </head>
 <body>
  <h1>)" + title + R"(</h1>
 </body>
</html>
)";
  return response;
}

// The configured handler answers for the error. False: there is none, or it has failed itself.
bool Visit::error_handler(int status) {
  if (in_error_handler_ || status < 400 || !settings_) {
    return false;
  }
  const bool not_found = (status == 404 || status == 403) && !settings_->error_handler_404.empty();
  const std::string handler = not_found ? settings_->error_handler_404 : settings_->error_handler;
  if (handler.empty() || stream_->begun()) {
    return false;
  }
  in_error_handler_ = true;
  error_status_ = status;
  keep_error_status_ = !not_found;
  rewrote_once_ = false;
  if (upstream_) {
    given_up_ = std::exchange(upstream_, nullptr);  // it may be the one that calls us, and will call commit()
    ignoring_ = true;
  }
  mapping_.reset();
  environment_.clear();
  environment_.emplace_back("REDIRECT_STATUS", std::to_string(status));
  app_ = nullptr;
  if (!set_target(handler)) {
    return true;
  }
  if (!run()) {
    in_error_handler_ = true;
    return false;
  }
  return true;
}

void Visit::error(int status) {
  if (error_handler(status)) {
    return;
  }
  const int shown = in_error_handler_ && error_status_ != 0 ? error_status_ : status;
  http::Response response = error_page(shown);
  if (shown == 503) {
    response.headers.add("Retry-After", std::to_string(http::kRetryAfterSeconds));
  }
  if (shown == 401 && !challenge_.empty()) {
    response.headers.add("WWW-Authenticate", challenge_);
  }
  answer(std::move(response));
}

void Visit::finished(bool whole, std::uint64_t sent) {
  upstream_.reset();
  kept_.reset();
  Counters& counters = *context_->counters;
  counters.bytes += sent;
  ++counters.by_class[status_ >= 100 && status_ < 600 ? status_ / 100 : 0];
  if (!whole && status_ != 499) {
    log_handling("the answer was cut");
  }
  if (!context_->access || !settings_ || (settings_->access_log.empty() && !settings_->access_syslog)) {
    return;
  }
  AccessRecord record;
  record.remote_address = request_.remote_address;
  record.remote_user = remote_user_;
  record.host = request_.authority;
  record.method = request_.method;
  record.target = original_target_;
  record.protocol = protocol_;
  record.referer = request_.headers.get("Referer");
  record.agent = request_.headers.get("User-Agent");
  record.server_name = server_name();
  record.server_port = stream_->endpoint().local_port;
  record.status = status_;
  record.bytes = sent;
  record.took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_);
  record.at = std::chrono::system_clock::now();
  record.request_headers = &request_.headers;
  record.response_headers = &sent_headers_;
  context_->access(*settings_, record);
}

}  // namespace microtome::host
