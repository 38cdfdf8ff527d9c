// SPDX-License-Identifier: Apache-2.0
// One request of an HTTP/2 connection. Part of h2_session.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/h2_session.hpp"
#include "net/body_source.hpp"

namespace microtome::host {

class H2Stream final : public Stream {
 public:
  static constexpr std::size_t kHighWater = 1 << 20;
  static constexpr std::size_t kLowWater = 256 * 1024;

  H2Stream(H2Session& session, std::int32_t id) : session_(&session), id_(id), endpoint_(session.endpoint()) {}
  [[nodiscard]] std::int32_t id() const { return id_; }
  // The session goes on without it: everything is ignored from now on.
  void detach() { session_ = nullptr; }

  net::Head& head() override { return request; }
  [[nodiscard]] const Endpoint& endpoint() const override { return endpoint_; }
  [[nodiscard]] const char* protocol() const override { return "HTTP/2.0"; }
  void want_body() override;
  std::string take_body() override;
  [[nodiscard]] bool body_ended() const override { return session_ == nullptr || (input_ended && body.empty()); }
  [[nodiscard]] bool has_body() const override { return request.body != net::BodyKind::none; }
  void limit_body(std::uint64_t bytes) override { body_limit = bytes; }
  void respond(http::Response answer) override;
  void begin(http::Response answer, std::optional<std::uint64_t> bytes) override;
  void write(std::string_view bytes) override;
  void end() override { ended = true; }
  void cut() override { cut_off = true; }
  [[nodiscard]] std::size_t unsent() const override { return out ? out->size() : 0; }
  [[nodiscard]] bool begun() const override { return response.has_value(); }
  void commit() override;
  void limits(const ConnectionLimits& limits) override;

  // What the session knows of it.
  std::vector<std::pair<std::string, std::string>> fields;  // as they arrive
  std::size_t fields_size = 0;
  bool fields_too_large = false;
  net::Head request;
  std::shared_ptr<StreamUser> user;
  std::string body;
  std::uint64_t body_read = 0;
  std::uint64_t body_limit = 0;
  net::Clock::time_point began;
  bool body_wanted = false;
  bool continued = false;
  bool input_ended = false;
  std::uint64_t told = 0;  // what its user has heard of the body
  bool told_end = false;
  std::optional<http::Response> response;
  std::optional<std::uint64_t> length;
  std::unique_ptr<net::SendQueue> out;
  std::uint64_t sent = 0;
  bool whole = false;
  bool ended = false;
  bool cut_off = false;
  bool head_only = false;
  bool submitted = false;
  bool deferred = false;
  bool is_cold = false;
  bool was_full = false;
  bool out_ended = false;  // our END_STREAM is on its way
  bool reset = false;

 private:
  H2Session* session_;
  std::int32_t id_;
  Endpoint endpoint_;
};

}  // namespace microtome::host
