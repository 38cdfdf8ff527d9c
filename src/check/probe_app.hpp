// SPDX-License-Identifier: Apache-2.0
// The app that stands behind a gateway under test. It notes what the gateway sends, and answers, properly or not, as
// the query of the request says (`do=NAME`, see probe_answers.cpp). A thread per connection; ends with the process.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check/app_connection.hpp"

namespace microtome::check {

// What connections of the app share. Thread-safe.
class ProbeNotes {
 public:
  void fault(const std::string& text);
  void aborted(const std::string& token);
  void kept() { count(kept_); }
  void asked_values() { count(asked_); }
  // "fault ...", "aborted TOKEN", "kept N", "values N": a line each.
  [[nodiscard]] std::string text();

 private:
  void count(int& number) {
    const std::lock_guard lock(mutex_);
    ++number;
  }
  std::mutex mutex_;
  std::set<std::string> faults_;
  std::set<std::string> aborted_;
  int kept_ = 0;
  int asked_ = 0;
};

// A request as it arrived.
struct ProbeRequest {
  std::uint16_t id = 0;
  bool keep = false;
  std::uint16_t role = 0;
  std::string params_text;
  std::vector<std::pair<std::string, std::string>> params;
  bool params_ended = false;
  bool body_ended = false;
  std::uint64_t body = 0;                      // bytes
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a of them
  [[nodiscard]] std::string param(std::string_view name) const;
  [[nodiscard]] std::string query(std::string_view name) const;  // of QUERY_STRING, as sent
};

// FNV-1a, 64 bits (Fowler, Noll, Vo).
[[nodiscard]] std::uint64_t fnv(std::string_view bytes, std::uint64_t from = 0xcbf29ce484222325ULL);
// `size` bytes that are different everywhere.
[[nodiscard]] std::string pattern(std::size_t size);

// What is sent for a request: records as they are, then perhaps the end of the connection.
struct ProbeAnswer {
  std::string bytes;
  enum class Then { go_on, close, reset } then = Then::go_on;
  int wait_ms = 0;  // before the bytes
};
// nullopt: nobody knows this name.
[[nodiscard]] std::optional<ProbeAnswer> probe_answer(const ProbeRequest& request, ProbeNotes& notes);

// Serves on a listening socket, for ever.
[[noreturn]] void run_probe_app(int listening);

}  // namespace microtome::check
