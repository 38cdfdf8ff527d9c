// SPDX-License-Identifier: Apache-2.0
#include "apps/access_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace microtome::apps {
namespace {

constexpr mode_t kMode = 0644;
constexpr std::chrono::milliseconds kGather{200};  // lines are written together

int open_file(const std::string& file) {
  return file == "-" ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                     : ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kMode);
}

void append_escaped(std::string& out, std::string_view text, bool json) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  constexpr unsigned kFirstPrintable = 0x20;
  constexpr unsigned kDelete = 0x7f;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (byte >= kFirstPrintable && byte < kDelete) {
      out += c;
    } else {
      // What is not ASCII came as it is, in whatever encoding: each byte by itself.
      out.append(json ? "\\u00" : "\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
}

void append_or_dash(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += '-';
  } else {
    append_escaped(out, text, false);
  }
}

std::string time_text(std::chrono::system_clock::time_point at, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::string combined(const http::Served& served, const http::Asked& asked, const std::string& time) {
  std::string line;
  append_or_dash(line, asked.remote);
  line += " - - [" + time + "] \"";
  append_or_dash(line, asked.method);
  line += ' ';
  append_or_dash(line, asked.target);
  line += ' ';
  append_or_dash(line, asked.version);
  line += "\" " + std::to_string(served.status) + " " + std::to_string(served.bytes) + " \"";
  append_or_dash(line, asked.referer);
  line += "\" \"";
  append_or_dash(line, asked.agent);
  line += "\" ";
  append_or_dash(line, served.trace.protocol);
  line += ' ';
  append_or_dash(line, served.trace.plan);
  line += " plan=" + std::to_string(served.plan_us) + " queue=" + std::to_string(served.trace.queue_us) +
          " work=" + std::to_string(served.trace.work_us) + " send=" + std::to_string(served.send_us) +
          (served.whole ? "\n" : " cut\n");
  return line;
}

std::string json(const http::Served& served, const http::Asked& asked, const std::string& time) {
  std::string line = R"({"time":")" + time + '"';
  const auto text = [&line](std::string_view key, std::string_view value) {
    line.append(",\"").append(key).append("\":\"");
    append_escaped(line, value, true);
    line += '"';
  };
  const auto number = [&line](std::string_view key, std::int64_t value) {
    line.append(",\"").append(key).append("\":").append(std::to_string(value));
  };
  text("remote", asked.remote);
  text("method", asked.method);
  text("target", asked.target);
  text("version", asked.version);
  number("status", served.status);
  number("bytes", static_cast<std::int64_t>(served.bytes));
  text("referer", asked.referer);
  text("agent", asked.agent);
  text("protocol", served.trace.protocol);
  text("plan", served.trace.plan);
  number("plan_us", served.plan_us);
  number("queue_us", served.trace.queue_us);
  number("work_us", served.trace.work_us);
  number("send_us", served.send_us);
  line.append(",\"whole\":").append(served.whole ? "true" : "false").append("}\n");
  return line;
}

}  // namespace

std::string format_access(const http::Served& served, AccessFormat format, std::chrono::system_clock::time_point at) {
  static const http::Asked kNobody;
  const http::Asked& asked = served.asked != nullptr ? *served.asked : kNobody;
  return format == AccessFormat::json ? json(served, asked, time_text(at, "%Y-%m-%dT%H:%M:%SZ"))
                                      : combined(served, asked, time_text(at, "%d/%b/%Y:%H:%M:%S +0000"));
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& file, AccessFormat format) {
  const int fd = open_file(file);
  if (fd < 0) {
    return fail(Code::io, "the access log cannot be opened: " + std::string(std::strerror(errno)), file);  // NOLINT
  }
  return std::unique_ptr<AccessLog>(new AccessLog(file, format, fd));
}

AccessLog::AccessLog(std::string file, AccessFormat format, int fd)
    : file_(std::move(file)), format_(format), fd_(fd), thread_([this] { run(); }) {}

AccessLog::~AccessLog() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  ::close(fd_);
}

void AccessLog::write(const http::Served& served) {
  const std::string line = format_access(served, format_, std::chrono::system_clock::now());
  const std::unique_lock lock(mutex_);
  if (waiting_.size() + line.size() > kMostWaiting) {
    ++dropped_;
    return;
  }
  waiting_ += line;
  if (waiting_.size() == line.size()) {
    wake_.notify_one();
  }
}

void AccessLog::reopen() {
  {
    const std::scoped_lock lock(mutex_);
    reopening_ = true;
  }
  wake_.notify_one();
}

void AccessLog::run() {
  std::string lines;
  std::unique_lock lock(mutex_);
  bool last = false;
  while (!last) {
    wake_.wait(lock, [this] { return stopping_ || reopening_ || !waiting_.empty(); });
    wake_.wait_for(lock, kGather, [this] { return stopping_ || reopening_; });
    last = stopping_;
    lines.swap(waiting_);
    if (dropped_ > 0) {
      lines += "# " + std::to_string(std::exchange(dropped_, 0)) + " lines dropped: the disk is too slow\n";
    }
    const bool again = std::exchange(reopening_, false);
    lock.unlock();
    for (std::size_t done = 0; done < lines.size();) {
      const ssize_t wrote = ::write(fd_, lines.data() + done, lines.size() - done);
      if (wrote < 0 && errno != EINTR) {
        break;  // a full disk: these lines are lost
      }
      done += wrote > 0 ? static_cast<std::size_t>(wrote) : 0;
    }
    lines.clear();
    if (const int fd = again ? open_file(file_) : -1; fd >= 0) {
      ::close(std::exchange(fd_, fd));
    }
    lock.lock();
  }
}

}  // namespace microtome::apps
