// SPDX-License-Identifier: Apache-2.0
// Log: the sink that libraries write to. Only main functions decide where it goes (stderr, a file, spdlog).
// Sinks must be thread-safe and must not throw.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace microtome {

enum class LogLevel { error, warning, info, debug };

class Log {
 public:
  using Sink = std::function<void(LogLevel, std::string_view)>;
  Log() = default;  // swallows everything
  explicit Log(Sink sink, LogLevel most = LogLevel::info) : sink_(std::move(sink)), most_(most) {}
  [[nodiscard]] bool wants(LogLevel level) const { return sink_ && level <= most_; }
  void write(LogLevel level, std::string_view text) const {
    if (wants(level)) {
      sink_(level, text);
    }
  }
  void error(std::string_view text) const { write(LogLevel::error, text); }
  void warning(std::string_view text) const { write(LogLevel::warning, text); }
  void info(std::string_view text) const { write(LogLevel::info, text); }
  void debug(std::string_view text) const { write(LogLevel::debug, text); }

 private:
  Sink sink_;
  LogLevel most_ = LogLevel::info;
};

}  // namespace microtome
