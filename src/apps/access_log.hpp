// SPDX-License-Identifier: Apache-2.0
// AccessLog: one line for each answer that has gone out, in the combined format with the times of its stages behind
// it, or as JSON. Lines are handed to a thread that writes them, so that a slow disk stops nobody; when more than
// kMostWaiting bytes wait, lines are dropped, and how many is said in the log itself. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "http/served.hpp"

namespace microtome::apps {

enum class AccessFormat : std::uint8_t { combined, json };

// One line with its end. `at` is when the answer was out.
[[nodiscard]] std::string format_access(const http::Served& served, AccessFormat format,
                                        std::chrono::system_clock::time_point at);

class AccessLog {
 public:
  static constexpr std::size_t kMostWaiting = 8 << 20;

  // `file` "-": standard error. Code::io when it cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<AccessLog>> open(const std::string& file, AccessFormat format);
  ~AccessLog();  // writes what waits
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const http::Served& served);
  // After the file was moved away. A file that cannot be opened again leaves the old one.
  void reopen();

 private:
  AccessLog(std::string file, AccessFormat format, int fd);
  void run();

  const std::string file_;
  const AccessFormat format_;
  int fd_;  // of the thread, but for reopen()
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;
  std::uint64_t dropped_ = 0;
  bool stopping_ = false;
  bool reopening_ = false;
  std::thread thread_;
};

}  // namespace microtome::apps
