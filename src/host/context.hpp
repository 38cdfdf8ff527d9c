// SPDX-License-Identifier: Apache-2.0
// What all requests share. One per configuration that is loaded; requests keep the one they began with. Loop thread
// only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/log.hpp"
#include "base/work_pool.hpp"
#include "host/app.hpp"
#include "host/settings.hpp"
#include "host/small_files.hpp"
#include "host/timers.hpp"
#include "net/loop.hpp"

namespace microtome::host {

class Supervisor;

struct Counters {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;         // of answers' bodies
  std::uint64_t by_class[6] = {};  // answers 1xx..5xx; [0]: none
  std::uint64_t retried = 0;
  int active = 0;
};

// One line of an access log is made of this.
struct AccessRecord {
  std::string remote_address;
  std::string remote_user;
  std::string host;
  std::string method;
  std::string target;  // as sent
  std::string protocol;
  std::string referer;
  std::string agent;
  std::string server_name;
  int server_port = 0;
  int status = 0;
  std::uint64_t bytes = 0;
  std::chrono::microseconds took{};
  std::chrono::system_clock::time_point at;
  const http::Headers* request_headers = nullptr;
  const http::Headers* response_headers = nullptr;
};

struct Context {
  std::shared_ptr<net::Loop> loop;
  std::shared_ptr<Timers> timers;
  Log log;
  std::shared_ptr<Site> site;
  Supervisor* supervisor = nullptr;
  WorkPool* pool = nullptr;
  // Apps by their place in the site's routes.
  std::unordered_map<const AppSpec*, std::shared_ptr<App>> apps;
  std::unordered_map<const AppRoute*, std::size_t> turns;  // round-robin
  // Passwords that were right, by a digest of them and what is stored, and when that was.
  std::unordered_map<std::string, std::chrono::steady_clock::time_point> passwords;
  std::string nonce_secret;  // of digest authentication
  SmallFiles small_files;
  SpoolPlacePtr spool;
  std::shared_ptr<Counters> counters;  // stay the same over reloads
  std::function<void(const RequestSettings&, const AccessRecord&)> access;
  std::chrono::system_clock::time_point started;
  std::string default_tag = "microtome-host";
};
using ContextPtr = std::shared_ptr<Context>;

}  // namespace microtome::host
