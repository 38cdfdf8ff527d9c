// SPDX-License-Identifier: Apache-2.0
// The stream of a ClientConnection's request. Part of client_connection.
#pragma once

#include "host/client_connection.hpp"

namespace microtome::host {

class ClientConnection::RequestStream final : public Stream {
 public:
  static constexpr std::size_t kHighWater = 1 << 20;  // users should not write more than this ahead of the client
  static constexpr std::size_t kLowWater = 256 * 1024;

  explicit RequestStream(ClientConnection& connection) : connection_(&connection), endpoint_(connection.endpoint_) {}
  // The connection goes on without it: everything is ignored from now on.
  void detach() { connection_ = nullptr; }
  [[nodiscard]] bool was_full() const { return was_full_; }
  void emptied() { was_full_ = false; }

  net::Head& head() override { return connection_ != nullptr ? connection_->turn_->head : none_; }
  [[nodiscard]] const Endpoint& endpoint() const override { return endpoint_; }
  [[nodiscard]] const char* protocol() const override;
  void want_body() override;
  std::string take_body() override;
  [[nodiscard]] bool body_ended() const override;
  [[nodiscard]] bool has_body() const override;
  void limit_body(std::uint64_t bytes) override;
  void respond(http::Response response) override;
  void begin(http::Response head, std::optional<std::uint64_t> length) override;
  void write(std::string_view bytes) override;
  void end() override;
  bool tunnel(const std::string& protocol) override;
  void cut() override;
  [[nodiscard]] std::size_t unsent() const override;
  [[nodiscard]] bool begun() const override;
  void commit() override;
  void limits(const ConnectionLimits& limits) override;

 private:
  ClientConnection* connection_;
  Endpoint endpoint_;
  net::Head none_;
  bool was_full_ = false;
};

// Stands in for a user that has been told that its client is gone.
class IdleUser final : public StreamUser {
 public:
  void body_arrived() override {}
  void drained() override {}
  void client_gone() override {}
  void finished(bool /*whole*/, std::uint64_t /*sent*/) override {}
};

}  // namespace microtome::host
