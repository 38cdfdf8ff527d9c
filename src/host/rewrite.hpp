// SPDX-License-Identifier: Apache-2.0
// url.rewrite* and url.redirect: patterns on the target of a request, and what comes in their place. Immutable;
// thread-safe.
//
// In a replacement: $0..$9 is what the pattern captured, %0..%9 what the condition around it captured, ${qsa} the
// query (with "?", or "&" behind another query), ${url.path}, ${url.query}, ${url.scheme}, ${url.authority}, ${url};
// $$ and %% are plain. A way of encoding may stand in front: ${esc:1} ${escape:1} (all but letters, digits and -._~),
// ${escnde:1} (the same, but what is encoded already stays), ${escpsnde:1} (and "/" stays), ${noesc:1}, ${encb64u:1},
// ${tolower:1}.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/config_value.hpp"
#include "host/regex.hpp"

namespace microtome::host {

struct RewriteRule {
  RegexPtr pattern;
  std::string replacement;  // empty: matches, and nothing is done
};
using RewriteRules = std::vector<RewriteRule>;

// A list of pattern => replacement, as check_directives() has passed it.
[[nodiscard]] RewriteRules read_rules(const Value& value);

// What replacements may name besides captures.
struct RewriteSubject {
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;   // as sent
  std::string_view query;  // without "?"
  const Captures* condition = nullptr;
};

struct Rewritten {
  std::size_t rule = 0;
  std::string target;  // empty: leave everything as it is
};

// The first rule that matches `target` (path and query as sent), with its replacement filled in.
[[nodiscard]] std::optional<Rewritten> apply_rules(const RewriteRules& rules, std::string_view target,
                                                   const RewriteSubject& subject);

}  // namespace microtome::host
