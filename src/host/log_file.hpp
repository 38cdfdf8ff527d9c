// SPDX-License-Identifier: Apache-2.0
// LogFile: a file that grows by lines, or a program that reads them. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace microtome::host {

class LogFile {
 public:
  // `name`: a path, "|program" (run by the shell), or "" for standard error. `buffered` lines are written in blocks;
  // flush() must then be called now and then.
  static Result<std::shared_ptr<LogFile>> open(const std::string& name, bool buffered);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  void line(std::string_view text);  // adds the line end
  void flush();
  // Opens the path again, for whoever has renamed the file. Keeps the old one when that fails.
  Result<void> reopen();
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  LogFile(std::string name, int fd, bool buffered) : name_(std::move(name)), fd_(fd), buffered_(buffered) {}
  void write_out();
  std::string name_;
  std::mutex mutex_;
  int fd_;
  bool buffered_;
  int child_ = -1;
  std::string buffer_;
};

// "2026-01-31 12:00:00: text", in UTC offset of the machine.
[[nodiscard]] std::string timestamped(std::string_view text);

}  // namespace microtome::host
