// SPDX-License-Identifier: Apache-2.0
// Progress: tells a person (a bar on a terminal, lines elsewhere) or a program (one JSON object a line) how far an
// import is. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace microtome::apps {

enum class ProgressStyle { bar, lines, json };

class Progress {
 public:
  Progress(ProgressStyle style, int total) : style_(style), total_(total) {}
  void working(const std::string& source, double fraction);  // 0..1 of this file
  void done(const std::string& source, const std::string& target, std::int64_t width, std::int64_t height,
            double seconds);
  void skipped(const std::string& source);
  void failed(const std::string& source, const std::string& why);
  void finish();

 private:
  void event(const std::string& source, const char* state, const std::string& more);
  void draw();
  ProgressStyle style_;
  int total_;
  int ended_ = 0;
  std::mutex mutex_;
  std::map<std::string, double> running_;
  std::chrono::steady_clock::time_point last_draw_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace microtome::apps
