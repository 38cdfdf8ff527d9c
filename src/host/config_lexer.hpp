// SPDX-License-Identifier: Apache-2.0
// Words of lighttpd's configuration language, each with its place.
// Line ends and comments separate words and mean nothing else; the only escape in a string is \" .
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/config_place.hpp"

namespace microtome::host {

enum class TokenKind {
  word,    // server.port, var.x, include, else: letters, digits, "._-"
  text,    // "..."; Token::text holds it without quotes, \" replaced
  number,  // digits
  left_round,
  right_round,
  left_curly,
  right_curly,
  left_square,
  right_square,
  comma,
  plus,
  dollar,
  assign,     // =
  append,     // +=
  force,      // :=
  arrow,      // =>
  equal,      // ==
  not_equal,  // !=
  match,      // =~
  not_match,  // !~
  prefix,     // =^
  suffix,     // =$
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  Place place;
  bool first_on_line = false;
  std::string text;         // word, text, number; else what stands in the file
  std::int64_t number = 0;  // TokenKind::number
};

// What a token looks like in a message: "'=>'", "the string \"x\"", "the end of the file".
[[nodiscard]] std::string describe(const Token& token);

// Splits `source`; always ends with an `end` token. Faults (a quote not closed, a strange character, a number too
// large) are reported and lexing goes on behind them. Linear in the length of the source.
[[nodiscard]] std::vector<Token> tokenize(std::string_view source, int file, Diagnostics& diagnostics);

}  // namespace microtome::host
