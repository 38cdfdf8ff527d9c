// SPDX-License-Identifier: Apache-2.0
// Values as they stand in a configuration: strings, numbers, variables, lists, joined by `+`. Part of the parser.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/config_lexer.hpp"
#include "host/config_value.hpp"

namespace microtome::host {

// A position in the tokens of one file. The last token is always `end` and is never passed.
class Cursor {
 public:
  explicit Cursor(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  [[nodiscard]] const Token& now() const { return tokens_[at_]; }
  [[nodiscard]] const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  // The token before; the first one at the start.
  [[nodiscard]] const Token& before() const { return tokens_[at_ > 0 ? at_ - 1 : 0]; }
  [[nodiscard]] bool is(TokenKind kind) const { return now().kind == kind; }
  [[nodiscard]] bool is_word(std::string_view word) const { return is(TokenKind::word) && now().text == word; }
  void step() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

// Parses values at a cursor. Reports faults and then returns nothing.
class Expressions {
 public:
  // Looks a variable up by its name as written; reports when there is none.
  using Lookup = std::function<std::optional<Value>(const Token& name)>;
  Expressions(Cursor& cursor, Diagnostics& diagnostics, Lookup lookup)
      : cursor_(cursor), diagnostics_(diagnostics), lookup_(std::move(lookup)) {}

  std::optional<Value> parse();

 private:
  using Keys = std::unordered_map<std::string, Place>;
  std::optional<Value> sum();
  std::optional<Value> term();
  std::optional<Value> list();
  std::optional<Entry> entry(Keys& keys);
  bool after_entry();
  [[nodiscard]] bool runs_into_next_setting() const;
  void not_closed();

  Cursor& cursor_;
  Diagnostics& diagnostics_;
  Lookup lookup_;
  std::vector<Token> open_;  // brackets around the place, outermost first
};

// True when a token begins a setting: a word with `=`, `+=` or `:=` behind it.
[[nodiscard]] bool begins_setting(const Token& token, const Token& next);

}  // namespace microtome::host
