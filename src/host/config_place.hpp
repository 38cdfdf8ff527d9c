// SPDX-License-Identifier: Apache-2.0
// Where something stands in a configuration, and what is wrong there. Values; thread-safe to share once built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace microtome::host {

// Line and column count from 1; the column counts bytes. Line 0: no place in a file (defaults, command line).
struct Place {
  int file = 0;  // index into SourceNames
  int line = 0;
  int column = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

using SourceNames = std::vector<std::string>;  // as the user wrote them; "-" is standard input

enum class Severity { note, warning, error };

// One message. A note belongs to the warning or error before it.
struct Diagnostic {
  Severity severity = Severity::error;
  Place place;
  std::string message;
};

class Diagnostics {
 public:
  void error(Place place, std::string message) { add(Severity::error, place, std::move(message)); }
  void warning(Place place, std::string message) { add(Severity::warning, place, std::move(message)); }
  void note(Place place, std::string message) { add(Severity::note, place, std::move(message)); }
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return list_; }
  [[nodiscard]] int errors() const { return errors_; }

 private:
  void add(Severity severity, Place place, std::string message);
  std::vector<Diagnostic> list_;
  int errors_ = 0;
};

// "visorb.conf:13:19: error: the list opened here is not closed"
[[nodiscard]] std::string format_diagnostic(const Diagnostic& diagnostic, const SourceNames& names);
// All of them, a line each, with a final newline.
[[nodiscard]] std::string format_diagnostics(const Diagnostics& diagnostics, const SourceNames& names);

// The candidate most like `word` (edit distance at most a third of its length), or empty.
[[nodiscard]] std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace microtome::host
