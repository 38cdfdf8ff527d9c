// SPDX-License-Identifier: Apache-2.0
// The one table of what may stand in a configuration. It drives the checks of `-t`, the reading of settings, and the
// table in docs/host.md. Constant; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "host/config_tree.hpp"

namespace microtome::host {

enum class Kind {
  text,       // "..."
  number,     // 80 or "80", 0..2147483647
  boolean,    // "enable", "disable", "true", "false", "1", "0" in any case, or a number
  texts,      // ( "a", "b" )
  key_text,   // ( "k" => "v" )
  key_any,    // ( "k" => "v" or number )
  key_list,   // ( "k" => ( ... ) )
  key_mixed,  // ( "k" => "v" or number or ( ... ) )
  patterns,   // ( "pattern" => "replacement" ): the keys are Perl-compatible patterns
  backends,   // ( "/prefix" => ( ( "host" => ... ) ) )
  any,
};

enum class Scope { server, request };  // server: counts only outside of conditions

enum class Effect {
  works,
  ignored,  // accepted: what it tunes does not exist here, or is always so
  missing,  // accepted with a warning: not built yet
  refused,  // an error: silently going without it would be wrong or unsafe
};

struct Directive {
  std::string_view name;
  Kind kind;
  Scope scope;
  char tier;  // 'A' must work, 'B' where possible, 'C' refused
  Effect effect;
  std::string_view fallback;  // its default, as it would be written
  std::string_view meaning;   // for Effect::ignored and refused: why
};

// Sorted by name.
[[nodiscard]] std::span<const Directive> directives();
// Keys of one backend in fastcgi.server, scgi.server and proxy.server.
[[nodiscard]] std::span<const Directive> backend_keys();
// Null when there is none of that name.
[[nodiscard]] const Directive* find_directive(std::span<const Directive> table, std::string_view name);

// Checks every setting of the tree: names, kinds, scopes. An unknown name is a warning, a wrong kind or a refused
// directive an error.
void check_directives(const ConfigTree& tree, Diagnostics& diagnostics);

// The table in Markdown, for docs/host.md.
[[nodiscard]] std::string directives_markdown();

// "enable", "true", "1", a number other than 0...; nullopt for what is no boolean.
[[nodiscard]] std::optional<bool> as_boolean(const Value& value);
// A number, or a string of digits.
[[nodiscard]] std::optional<std::int64_t> as_number(const Value& value);

}  // namespace microtome::host
