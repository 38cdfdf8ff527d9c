// SPDX-License-Identifier: Apache-2.0
// Listening sockets that a parent has left us (FastCGI's fd 0, systemd's LISTEN_FDS).
#pragma once

#include <string>
#include <vector>

namespace microtome::net {

// True for a socket that listens: how a program knows that a web server started it as its FastCGI app (fd 0).
[[nodiscard]] bool is_listening_socket(int fd);

// "fd:3", "fd:4"... when LISTEN_FDS is meant for this process (LISTEN_PID), else empty. Reads the environment only.
[[nodiscard]] std::vector<std::string> inherited_listeners();

}  // namespace microtome::net
