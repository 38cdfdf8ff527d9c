// SPDX-License-Identifier: Apache-2.0
// One small HTTP request over TCP or a unix socket, with a deadline. Thread-safe.
#pragma once

#include <chrono>
#include <string>

namespace microtome::keep {

struct Answer {
  bool connected = false;
  int status = 0;  // 0: no answer that is HTTP
  std::string head;
  std::string body;   // at most 1 MiB
  std::string fault;  // why there is no answer, in words
};

// `address`: host:port, [host]:port or a path, as the host names its listeners; 0.0.0.0 and [::] are asked on
// loopback.
[[nodiscard]] Answer ask(const std::string& address, const std::string& method, const std::string& target,
                         std::chrono::milliseconds limit, const std::string& headers = {});

// The address as a URL to show to people; a unix socket's is "unix:PATH".
[[nodiscard]] std::string url_of(const std::string& address);

}  // namespace microtome::keep
