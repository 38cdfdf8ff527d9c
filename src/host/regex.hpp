// SPDX-License-Identifier: Apache-2.0
// Perl-compatible patterns (PCRE2), as lighttpd.conf uses them for conditions, rewrite and redirect.
// Immutable once compiled; thread-safe. Matching is bounded in steps and depth, so that no pattern can hang the
// server.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace microtome::host {

// What the groups of a pattern took; [0] is the whole match. Groups that took no part are empty.
using Captures = std::vector<std::string>;

class Regex {
 public:
  struct Fault {
    std::string message;
    std::size_t offset = 0;  // byte in the pattern
  };
  // Null and `fault` filled in when the pattern is wrong.
  [[nodiscard]] static std::shared_ptr<const Regex> compile(std::string_view pattern, Fault& fault);

  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  // `captures` may be null. A pattern that needs too many steps does not match.
  [[nodiscard]] bool match(std::string_view subject, Captures* captures) const;

 private:
  struct Code;
  explicit Regex(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

using RegexPtr = std::shared_ptr<const Regex>;

}  // namespace microtome::host
