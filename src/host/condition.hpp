// SPDX-License-Identifier: Apache-2.0
// Which blocks of a configuration hold for a request. Immutable once built; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/address.hpp"
#include "host/config_tree.hpp"
#include "host/regex.hpp"
#include "http/message.hpp"

namespace microtome::host {

// What conditions look at. Views must outlive evaluate().
struct ConditionInput {
  std::string_view socket;  // the listening address as configured: "127.0.0.1:80", ":81", "/run/x.sock"
  std::string_view host;    // lower case, without the scheme's default port; "" when the request has none
  std::string_view url;     // decoded path
  std::string_view query;
  std::string_view remote_address;  // textual, without port; "" for unix sockets
  std::string_view scheme = "http";
  std::string_view method;
  const http::Headers* headers = nullptr;
};

struct Outcome {
  std::vector<int> active;  // blocks that hold, ascending; always begins with 0
  std::vector<std::pair<int, Captures>> captures;

  // What the pattern of `block`'s condition captured; null when it has no pattern.
  [[nodiscard]] const Captures* captured(int block) const;
};

class ConditionSet {
 public:
  // `tree` was parsed without errors.
  explicit ConditionSet(const ConfigTree& tree);
  [[nodiscard]] Outcome evaluate(const ConditionInput& input) const;

 private:
  struct Test {
    int parent = -1;
    int previous = -1;
    std::optional<Condition> condition;
    RegexPtr regex;
    std::optional<Network> network;
  };
  [[nodiscard]] bool holds(const Test& test, const ConditionInput& input, const std::optional<Address>& remote,
                           Captures* captures) const;
  std::vector<Test> tests_;
  bool needs_address_ = false;
};

// True when `host` (of a request) is the host `wanted` of a condition: a port counts only when both have one.
[[nodiscard]] bool same_host(std::string_view host, std::string_view wanted);

}  // namespace microtome::host
