// SPDX-License-Identifier: Apache-2.0
// Wire: a connected socket of a tester. Calls wait, but never longer than they are told. Not thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace microtome::check {

using Milliseconds = std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// "unix:/path", "/path", "host:port", "[::1]:port", ":port" (loopback).
struct Address {
  std::string path;  // of a unix socket; else host and port
  std::string host;
  std::string port;
};
[[nodiscard]] Result<Address> parse_address(std::string_view text);

class Wire {
 public:
  // Code::io with a sentence for the user.
  [[nodiscard]] static Result<Wire> connect(const Address& address, Milliseconds patience);
  explicit Wire(int fd) : fd_(fd) {}
  Wire(Wire&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Wire& operator=(Wire&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() { close(); }

  // Sends all of `bytes`; what arrives meanwhile is appended to `in`, as a peer may answer before it reads on. False
  // when the peer has closed, or does not take it in time.
  bool send(std::string_view bytes, std::string& in, Milliseconds patience);
  enum class Got { bytes, nothing, end, reset };
  // Waits for bytes, at most `patience`.
  Got receive(std::string& in, Milliseconds patience);
  void stop_writing();
  void close(bool reset = false);
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// A listening socket, close-on-exec. Code::io.
[[nodiscard]] Result<int> listen_on(const Address& address);

}  // namespace microtome::check
