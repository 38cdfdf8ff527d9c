// SPDX-License-Identifier: Apache-2.0
#include "keep/crontab.hpp"

#include <algorithm>

namespace microtome::keep {
namespace {

std::string mark_of(std::string_view id) {
  return " # microtome " + std::string(id);
}

std::string_view without_end(std::string_view line) {
  while (line.ends_with(' ') || line.ends_with('\t') || line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

std::string crontab_lines(std::string_view id, std::string_view command) {
  std::string escaped;
  for (const char c : command) {
    if (c == '%') {
      escaped += '\\';
    }
    escaped += c;
  }
  const std::string rest = escaped + " >/dev/null 2>&1" + mark_of(id) + '\n';
  return "@reboot " + rest + "* * * * * " + rest;
}

std::string without_lines(std::string_view crontab, std::string_view id) {
  const std::string mark = mark_of(id);
  std::string kept;
  while (!crontab.empty()) {
    const std::size_t end = std::min(crontab.find('\n'), crontab.size());
    const std::string_view line = crontab.substr(0, end);
    if (!without_end(line).ends_with(mark)) {
      kept += crontab.substr(0, std::min(end + 1, crontab.size()));
    }
    crontab.remove_prefix(std::min(end + 1, crontab.size()));
  }
  return kept;
}

std::string with_lines(std::string_view crontab, std::string_view id, std::string_view lines) {
  if (!lines.empty() && crontab.find(lines) != std::string_view::npos &&
      without_lines(crontab, id).size() + lines.size() == crontab.size()) {
    return std::string(crontab);
  }
  std::string text = without_lines(crontab, id);
  if (!text.empty() && text.back() != '\n') {
    text += '\n';
  }
  return text + std::string(lines);
}

}  // namespace microtome::keep
