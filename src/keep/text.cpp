// SPDX-License-Identifier: Apache-2.0
#include "keep/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace microtome::keep {
namespace {

std::string read_all(int fd, std::size_t most) {
  std::string text;
  std::array<char, 16384> part;
  while (text.size() < most) {
    const ssize_t count = ::read(fd, part.data(), std::min(part.size(), most - text.size()));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      break;
    }
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace

std::optional<std::string> read_text(const std::string& path, std::size_t most) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return std::nullopt;
  }
  std::string text = read_all(fd, most);
  ::close(fd);
  return text;
}

std::string read_tail(const std::string& path, std::size_t most) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return {};
  }
  const off_t size = ::lseek(fd, 0, SEEK_END);
  const bool cut = size > static_cast<off_t>(most);
  ::lseek(fd, cut ? size - static_cast<off_t>(most) : 0, SEEK_SET);
  std::string text = read_all(fd, most);
  ::close(fd);
  const std::size_t line = text.find('\n');
  return cut && line != std::string::npos ? text.substr(line + 1) : text;
}

Result<void> write_text(const std::string& path, std::string_view text, unsigned mode) {
  const std::string part = path + ".new." + std::to_string(getpid());
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) {
    return fail(Code::io, "cannot write " + path + ": " + errno_text(errno));
  }
  std::size_t done = 0;
  int fault = 0;
  while (done < text.size() && fault == 0) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      fault = errno;
    }
  }
  if (::close(fd) != 0 && fault == 0) {
    fault = errno;
  }
  if (fault == 0 && ::rename(part.c_str(), path.c_str()) != 0) {
    fault = errno;
  }
  if (fault != 0) {
    ::unlink(part.c_str());
    return fail(Code::io, "cannot write " + path + ": " + errno_text(fault));
  }
  return {};
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      break;
    }
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string shell_word(std::string_view word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,@=";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + '\'';
}

std::string lighttpd_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", c);
      out += code.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(seconds);
  const auto say = [](long long count, const char* unit) {
    return std::to_string(count) + ' ' + unit + (count == 1 ? "" : "s");
  };
  if (whole < 120) {
    return say(whole, "second");
  }
  if (whole < 7200) {
    return say(whole / 60, "minute");
  }
  return whole < 172800 ? say(whole / 3600, "hour") : say(whole / 86400, "day");
}

std::string errno_text(int number) {
  const char* text = strerrordesc_np(number);
  return text != nullptr ? text : "error " + std::to_string(number);
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

}  // namespace microtome::keep
