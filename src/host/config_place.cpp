// SPDX-License-Identifier: Apache-2.0
#include "host/config_place.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <numeric>

namespace microtome::host {

void Diagnostics::add(Severity severity, Place place, std::string message) {
  if (severity == Severity::error) {
    ++errors_;
  }
  list_.push_back({severity, place, std::move(message)});
}

std::string format_diagnostic(const Diagnostic& diagnostic, const SourceNames& names) {
  std::string text;
  const auto file = static_cast<std::size_t>(diagnostic.place.file);
  if (file < names.size()) {
    text += names[file];
    if (diagnostic.place.line > 0) {
      text += ':' + std::to_string(diagnostic.place.line) + ':' + std::to_string(diagnostic.place.column);
    }
    text += ": ";
  }
  switch (diagnostic.severity) {
    case Severity::note:
      text += "note: ";
      break;
    case Severity::warning:
      text += "warning: ";
      break;
    case Severity::error:
      text += "error: ";
      break;
  }
  return text + diagnostic.message;
}

std::string format_diagnostics(const Diagnostics& diagnostics, const SourceNames& names) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    text += format_diagnostic(diagnostic, names) + '\n';
  }
  return text;
}

namespace {

// Letters put in, left out, replaced, or two neighbours swapped count one each.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before_last(to.size() + 1);
  std::vector<std::size_t> last(to.size() + 1);
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const bool same = from[i - 1] == to[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[to.size()];
}

}  // namespace

std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > 100) {
    return {};
  }
  std::string_view best;
  std::size_t least = word.size() / 3 + 1;
  for (const std::string_view candidate : candidates) {
    const auto difference =
        static_cast<std::size_t>(std::abs(static_cast<long>(candidate.size()) - static_cast<long>(word.size())));
    if (difference >= least) {
      continue;
    }
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace microtome::host
