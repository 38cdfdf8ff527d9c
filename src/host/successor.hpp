// SPDX-License-Identifier: Apache-2.0
// Handing over to a new process of this program: it inherits the listening sockets, says when it is ready, and the
// old one finishes what it has begun. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/loop.hpp"

namespace microtome::host {

using NamedSockets = std::vector<std::pair<std::string, int>>;  // address and descriptor

// What a predecessor has left us.
struct Inheritance {
  NamedSockets sockets;  // listening
  int ready = -1;        // a byte 0 there tells the predecessor that we serve
  [[nodiscard]] bool any() const { return ready >= 0; }
};

// Reads and removes our variable of the environment. To be called before there are threads.
[[nodiscard]] Inheritance take_inheritance();

// Starts `command` with the sockets; `told(true)` is called when the new process serves, `told(false)` when it has
// ended without that. Code::io when it cannot be started.
[[nodiscard]] Result<void> start_successor(const std::shared_ptr<net::Loop>& loop,
                                           const std::vector<std::string>& command,
                                           const std::vector<std::string>& environment, const NamedSockets& sockets,
                                           std::function<void(bool)> told);

}  // namespace microtome::host
