// SPDX-License-Identifier: Apache-2.0
// Record: what is told about one request when it is over (ServerOptions::served). Loop thread only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/message.hpp"
#include "net/server.hpp"

namespace microtome::net {

class Record {
 public:
  // The request is whole and about to be handled.
  void begin(const ServerOptions& options, const http::Request& request, std::string_view version) {
    if (!options.served) {
      return;
    }
    begun_ = answered_ = std::chrono::steady_clock::now();
    open_ = true;
    if (options.keep_asked) {
      asked_ = std::make_unique<http::Asked>();
      asked_->method = request.method;
      asked_->target = request.path + (request.query.empty() ? "" : "?" + request.query);
      asked_->version = version;
      asked_->remote = request.remote_address;
      asked_->referer = request.headers.get("Referer");
      asked_->agent = request.headers.get("User-Agent");
    }
  }
  // Nothing without begin().
  void answered(const http::Response& response) {
    if (open_) {
      answered_ = std::chrono::steady_clock::now();
      served_.status = response.status;
      served_.trace = response.trace;
    }
  }
  void refused(const ServerOptions& options, const http::Request& request, int status) {
    if (!open_) {
      begin(options, request, "HTTP/1.1");
      served_.status = status;
    }
  }
  void sent(std::uint64_t bytes) { served_.bytes += bytes; }
  void whole() { served_.whole = true; }
  // Tells, once.
  void end(const ServerOptions& options) {
    if (!open_) {
      return;
    }
    open_ = false;
    constexpr int kGone = 499;
    const auto now = std::chrono::steady_clock::now();
    const auto us = [](auto span) {
      return static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(span).count());
    };
    if (served_.status == 0) {
      answered_ = now;
    }
    if (served_.bytes == 0 && !served_.whole) {
      served_.status = kGone;
    }
    const http::Trace& trace = served_.trace;
    served_.plan_us = std::max<std::int64_t>(0, us(answered_ - begun_) - trace.queue_us - trace.work_us);
    served_.send_us = us(now - answered_);
    served_.asked = asked_.get();
    options.served(served_);
  }

 private:
  bool open_ = false;
  std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::time_point answered_;
  std::unique_ptr<http::Asked> asked_;
  http::Served served_;
};

}  // namespace microtome::net
